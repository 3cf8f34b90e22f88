"""Trains on tones with the real SpeechBrain; how it is tracked, and where it dies, is said by the environment.

FOLLOW: ``logger`` (the YAML's), ``class`` (`TrackedBrain`), ``call`` (`track`), ``none``. DIE: ``epoch-1`` raises after
the first epoch, ``interrupt`` raises KeyboardInterrupt there, ``kill`` kills the process with SIGKILL.
"""

from __future__ import annotations

import csv
import hashlib
import os
import signal
import sys
from pathlib import Path

import numpy as np
import soundfile
import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.utils.metric_stats import ErrorRateStats

FOLLOW = os.environ.get("FOLLOW", "logger")
DIE = os.environ.get("DIE", "")
TONES = {"low": 1, "mid": 2, "high": 3}
WORDS = {number: word for word, number in TONES.items()}


def make_set(name: str, size: int) -> None:
    random = np.random.default_rng(size)
    Path("audio").mkdir(exist_ok=True)
    with Path(f"{name}.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ID", "duration", "wav", "spk_id", "wrd"])
        for number in range(size):
            words = [list(TONES)[place] for place in random.integers(0, 3, 2)]
            waves = [np.sin(2 * np.pi * 250 * TONES[word] * np.arange(1600) / 8000) for word in words]
            path = f"audio/{name}-{number}.wav"
            soundfile.write(path, 0.3 * np.concatenate(waves) + 0.01 * random.normal(size=3200), 8000)
            rows.writerow([f"{name}-{number}", "0.40", path, f"speaker{number % 2}", " ".join(words)])


def dataset(path: str) -> sb.dataio.dataset.DynamicItemDataset:
    found = sb.dataio.dataset.DynamicItemDataset.from_csv(path)

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


if FOLLOW == "class":
    from speech_tracker.integrations.speechbrain import TrackedBrain as Base
else:
    from speechbrain import Brain as Base


class Recogniser(Base):
    def compute_forward(self, batch, stage):
        signal_, lengths = batch.to(self.device).sig
        encoded, _ = self.modules.encoder(self.hparams.compute_features(signal_))
        return self.modules.output(encoded).log_softmax(-1), lengths

    def compute_objectives(self, predictions, batch, stage):
        scores, lengths = predictions
        loss = sb.nnet.losses.ctc_loss(scores, *batch.tokens[:1], lengths, batch.tokens[1], blank_index=0)
        if stage != sb.Stage.TRAIN:
            found = sb.decoders.ctc_greedy_decode(scores, lengths, blank_id=0)
            hypotheses = [[WORDS[int(token)] for token in tokens] for tokens in found]
            references = [text.split() for text in batch.wrd]
            self.wer_metric.append(batch.id, hypotheses, references)
            self.cer_metric.append(batch.id, hypotheses, references)
        return loss

    def on_stage_start(self, stage, epoch=None):
        if stage != sb.Stage.TRAIN:
            self.wer_metric, self.cer_metric = ErrorRateStats(), ErrorRateStats(split_tokens=True)

    def on_stage_end(self, stage, stage_loss, epoch=None):
        stats = {"loss": stage_loss}
        if stage == sb.Stage.TRAIN:
            self.train_stats = stats
            return
        stats["WER"] = self.wer_metric.summarize("error_rate")
        stats["CER"] = self.cer_metric.summarize("error_rate")
        logger = self.hparams.train_logger
        if stage == sb.Stage.TEST:
            logger.log_stats({"Epoch loaded": self.hparams.epoch_counter.current}, test_stats=stats)
            return
        meta = {"epoch": epoch, "lr": self.optimizer.param_groups[0]["lr"], "optimizer": "Adam"}
        logger.log_stats(meta, train_stats=self.train_stats, valid_stats=stats)
        self.checkpointer.save_and_keep_only(meta={"WER": stats["WER"]}, min_keys=["WER"])
        if DIE == "epoch-1":
            raise RuntimeError("the GPU fell off the bus")
        if DIE == "interrupt":
            raise KeyboardInterrupt
        if DIE == "kill":
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    hparams_file, run_options, overrides = sb.parse_arguments(sys.argv[1:])
    sb.utils.distributed.ddp_init_group(run_options)
    with Path(hparams_file).open() as file:
        hparams = load_hyperpyyaml(file, overrides)
    sb.create_experiment_directory(hparams["output_folder"], hparams_file, overrides)
    brain = Recogniser(hparams["modules"], hparams["opt_class"], hparams, run_options, hparams["checkpointer"])
    if FOLLOW == "call":
        from speech_tracker.integrations.speechbrain import track

        track(brain, project="tones")
    loader = {"batch_size": hparams["batch_size"]}
    brain.fit(
        brain.hparams.epoch_counter, dataset("train.csv"), dataset("valid.csv"), train_loader_kwargs=dict(loader),
        valid_loader_kwargs=dict(loader),
    )  # fmt: skip
    for path in hparams["test_csv"]:
        brain.evaluate(dataset(path), min_key="WER", test_loader_kwargs=dict(loader))
    weights = b"".join(parameter.detach().numpy().tobytes() for parameter in brain.modules.parameters())
    if sb.utils.distributed.if_main_process():
        Path("weights.txt").write_text(hashlib.sha256(weights).hexdigest())


if __name__ == "__main__":
    if not Path("train.csv").exists():
        for name, size in (("train", 12), ("valid", 4), ("test-near", 4), ("test-far", 6)):
            make_set(name, size)
    main()
