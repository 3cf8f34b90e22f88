"""Trains on tones with the real SpeechBrain; how it is tracked, and how it ends, is said by the environment.

FOLLOW: ``logger`` (the YAML's), ``class`` (`TrackedBrain`), ``mixin`` (`TrackedBrain` before a class of the user's),
``call`` (`track`), ``none``. DIE: ``epoch-1`` raises after the first epoch, ``step-5`` in the fifth step, ``interrupt``
raises KeyboardInterrupt after the first epoch, ``kill`` kills the process with SIGKILL there, ``kill-5`` after the fifth
step. LOOP: ``own`` for a recipe that takes its optimizer's steps itself. ANOTHER: a second Brain is built, and not used. KIND: what the tokens' error rate is called. PAUSE: seconds to sleep in each step. DISK: ``after:times``, writes of the journal that fail.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.utils.metric_stats import ErrorRateStats

from speech_tracker.testing.faults import full_disk
from speech_tracker.testing.isolation import swallowed_errors

FOLLOW = os.environ.get("FOLLOW", "logger")
DIE = os.environ.get("DIE", "")
ERROR = (
    KeyboardInterrupt() if DIE == "interrupt" else RuntimeError(os.environ.get("MESSAGE", "the GPU fell off the bus"))
)
TRACKING = {"steps": 1, "gradient_norm": True}
KIND = os.environ.get("KIND", "WER")
TONES = {"low": 1, "mid": 2, "high": 3}
WORDS = {number: word for word, number in TONES.items()}
SIZES = {"train": 12, "valid": 4, "test-near": 4, "test-far": 6}


def make_set(name: str, size: int) -> None:
    random = np.random.default_rng(size)
    Path("audio").mkdir(exist_ok=True)
    rows = {}
    for number in range(size):
        words = [list(TONES)[place] for place in random.integers(0, 3, 2)]
        waves = [np.sin(2 * np.pi * 250 * TONES[word] * np.arange(1600) / 8000) for word in words]
        path = f"audio/{name}-{number}.wav"
        soundfile.write(path, 0.3 * np.concatenate(waves) + 0.01 * random.normal(size=3200), 8000)
        row = {"duration": 0.4, "wav": path, "spk_id": f"speaker{number % 2}", "wrd": " ".join(words)}
        rows[f"{name}-{number}"] = row
    if name == "valid":  # SpeechBrain reads both
        Path(f"{name}.json").write_text(json.dumps(rows))
        return
    with Path(f"{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", "duration", "wav", "spk_id", "wrd"])
        writer.writerows([name, *row.values()] for name, row in rows.items())


def dataset(path: str) -> sb.dataio.dataset.DynamicItemDataset:
    kind = sb.dataio.dataset.DynamicItemDataset
    found = kind.from_json(path) if path.endswith(".json") else kind.from_csv(path)

    @sb.utils.data_pipeline.takes("wav")
    @sb.utils.data_pipeline.provides("sig")
    def audio(wav: str) -> torch.Tensor:
        return torch.tensor(soundfile.read(wav, dtype="float32")[0])

    @sb.utils.data_pipeline.takes("wrd")
    @sb.utils.data_pipeline.provides("wrd", "tokens")
    def text(wrd: str):
        yield wrd
        yield torch.tensor([TONES[word] for word in wrd.split()])

    for item in (audio, text):
        found.add_dynamic_item(item)
    found.set_output_keys(["id", "sig", "wrd", "tokens"])
    return found


class Recogniser(sb.Brain):
    def compute_forward(self, batch, stage):
        signal_, lengths = batch.to(self.device).sig
        features = self.hparams.compute_features(signal_)
        if stage == sb.Stage.TRAIN:
            if f"kill-{self.optimizer_step}" == DIE:
                os.kill(os.getpid(), signal.SIGKILL)
            features = self.hparams.freq_drop(features)
        encoded, _ = self.modules.encoder(features)
        return self.modules.output(encoded).log_softmax(-1), lengths

    def compute_objectives(self, predictions, batch, stage):
        scores, lengths = predictions
        loss = sb.nnet.losses.ctc_loss(scores, *batch.tokens[:1], lengths, batch.tokens[1], blank_index=0)
        if stage != sb.Stage.TRAIN:
            found = sb.decoders.ctc_greedy_decode(scores, lengths, blank_id=0)
            hypotheses = [[WORDS[int(token)] for token in tokens] for tokens in found]
            references = [text.split() for text in batch.wrd]
            getattr(self, f"{KIND.lower()}_metric").append(batch.id, hypotheses, references)
            self.cer_metric.append(batch.id, hypotheses, references)
        return loss

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        time.sleep(float(os.environ.get("PAUSE", "0")))
        if f"step-{self.optimizer_step}" == DIE:
            raise ERROR

    def on_stage_start(self, stage, epoch=None):
        if stage != sb.Stage.TRAIN:
            setattr(self, f"{KIND.lower()}_metric", ErrorRateStats())
            self.cer_metric = ErrorRateStats(split_tokens=True)

    def on_stage_end(self, stage, stage_loss, epoch=None):
        stats = {"loss": stage_loss}
        if stage == sb.Stage.TRAIN:
            self.train_stats = stats
            return
        stats[KIND] = getattr(self, f"{KIND.lower()}_metric").summarize("error_rate")
        stats["CER"] = self.cer_metric.summarize("error_rate")
        if os.environ.get("SILENT"):  # a recipe without a logger
            if stage == sb.Stage.VALID:
                self.checkpointer.save_and_keep_only(meta={KIND: stats[KIND]}, min_keys=[KIND])
            return
        logger = self.hparams.train_logger
        if stage == sb.Stage.TEST:
            logger.log_stats({"Epoch loaded": self.hparams.epoch_counter.current}, test_stats=stats)
            return
        meta = {"epoch": epoch, "lr": self.optimizer.param_groups[0]["lr"], "optimizer": "Adam"}
        logger.log_stats(meta, train_stats=self.train_stats, valid_stats=stats)
        self.checkpointer.save_and_keep_only(meta={KIND: stats[KIND]}, min_keys=[KIND])
        if DIE in ("epoch-1", "interrupt"):
            raise ERROR
        if DIE == "kill":
            os.kill(os.getpid(), signal.SIGKILL)


class OwnLoop(Recogniser):
    """As recipes of adversarial networks do; SpeechBrain does not learn of the steps."""

    def fit_batch(self, batch):
        loss = self.compute_objectives(self.compute_forward(batch, sb.Stage.TRAIN), batch, sb.Stage.TRAIN)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach()


def followed(kind):
    if FOLLOW not in ("class", "mixin"):
        return kind
    from speech_tracker.integrations.speechbrain import TrackedBrain

    if FOLLOW == "mixin":
        return type("Mixed", (TrackedBrain, kind), {"tracking": TRACKING})
    return type("Derived", (TrackedBrain,), {**vars(kind), "tracking": TRACKING})


def main(arguments: list[str]) -> None:
    for name, size in SIZES.items():
        if not Path(f"audio/{name}-{size - 1}.wav").exists():
            make_set(name, size)
    hparams_file, run_options, overrides = sb.parse_arguments(arguments)
    sb.utils.distributed.ddp_init_group(run_options)
    with Path(hparams_file).open() as file:
        hparams = load_hyperpyyaml(file, overrides)
    sb.create_experiment_directory(hparams["output_folder"], hparams_file, overrides, save_env_desc=False)
    kind = followed(OwnLoop if os.environ.get("LOOP") == "own" else Recogniser)
    brain = kind(hparams["modules"], hparams["opt_class"], hparams, run_options, hparams["checkpointer"])
    if os.environ.get("ANOTHER"):
        kind({"encoder": torch.nn.Identity()}, hparams["opt_class"], {}, run_options)
    if FOLLOW == "call":
        from speech_tracker.integrations.speechbrain import track

        track(brain, **TRACKING)
    loader = {"batch_size": hparams["batch_size"]}
    brain.fit(
        epoch_counter=brain.hparams.epoch_counter, train_set=dataset("train.csv"), valid_set=dataset("valid.json"),
        train_loader_kwargs=dict(loader), valid_loader_kwargs=dict(loader),
    )  # fmt: skip
    for path in hparams["test_csv"]:
        brain.evaluate(test_set=dataset(path), min_key=KIND, test_loader_kwargs=dict(loader))
    weights = b"".join(parameter.detach().numpy().tobytes() for parameter in brain.modules.parameters())
    if sb.utils.distributed.if_main_process():
        Path("weights.txt").write_text(hashlib.sha256(weights).hexdigest())


def watched(arguments: list[str]) -> None:
    """Train, and leave in ``seen.json`` what only this process can see."""
    after, _, times = os.environ.get("DISK", "").partition(":")
    seen: dict[str, object] = {}
    with swallowed_errors() as swallowed, contextlib.ExitStack() as stack:
        writes = stack.enter_context(full_disk(after=int(after), times=int(times))) if after else None
        try:
            main(arguments)
        except BaseException as raised:
            unchanged = raised is ERROR and raised.__cause__ is None and raised.__context__ is None
            seen["raised"] = "unchanged" if unchanged else repr(raised)
            raise
        finally:
            seen["hurt"] = writes.hurt if writes is not None else 0
            seen["swallowed"] = [(place, repr(error)) for place, error in swallowed]
            if sb.utils.distributed.if_main_process():
                Path("seen.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    watched(sys.argv[1:])
