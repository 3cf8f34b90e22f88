"""Makes an experiment as icefall's recipes leave it: its formats, with texts and numbers of our own.

Usage: ``python make_experiment.py FOLDER`` makes ``FOLDER/zipformer/exp``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from speech_tracker.evaluation import score

ENVIRONMENT = {"k2-version": "1.24.4", "icefall-git-sha1": "abc1234-dirty", "hostname": "node7"}
PARAMS = {
    "batch_idx_train": 0, "base_lr": 0.045, "best_train_loss": float("inf"), "env_info": ENVIRONMENT, "exp_dir": "zipformer/exp",
    "max_duration": 400, "ref_duration": 600, "world_size": 1, "log_interval": 50, "num_epochs": 3, "start_epoch": 1,
    "start_batch": 0, "num_encoder_layers": "2,2,3", "encoder_dim": "192,256,384", "vocab_size": 500, "feature_dim": 80,
    "enable_musan": False, "enable_spec_aug": True, "use_fp16": True, "lr_epochs": 3.5, "seed": 42, "warm_step": 2000,
    "joiner_dim": 512, "bpe_model": "data/lang_bpe_500/bpe.model", "subsampling_factor": 4,
}  # fmt: skip
BATCHES = 123
"""In an epoch of the made training."""


def clock(seconds: float) -> str:
    whole = int(seconds)
    return f"2024-05-0{1 + whole // 86400} {whole // 3600 % 24:02}:{whole // 60 % 60:02}:{whole % 60:02},{int(seconds % 1 * 1000):03}"


class LogWriter:
    """Lines of a training log as icefall's train.py writes them."""

    def __init__(self, begin: float = 36000.0, rank: str = "") -> None:
        self.lines: list[str] = []
        self.time = begin
        self.rank = rank

    def say(self, text: str, source: str = "train.py:1175", level: str = "INFO") -> None:
        self.time += 1.25
        self.lines.append(f"{clock(self.time)} {level} [{source}] {self.rank}{text}")

    def begin(self, params: dict) -> None:
        self.say("Training started", "train.py:1243")
        self.say("Device: cuda:0", "train.py:1253")
        self.say(json.dumps(params, indent=2, sort_keys=True), "train.py:1272")
        self.say("About to create model", "train.py:1274")
        self.say("Number of model parameters: 1234567", "train.py:1278")
        self.say("About to get train-clean-100 cuts", "asr_datamodule.py:447")
        self.say("About to get dev-clean cuts", "asr_datamodule.py:454")

    def batch(self, epoch: int, batch: int, loss: float) -> None:
        info = f"loss={loss:.4g}, simple_loss={loss / 2:.4g}, pruned_loss={loss / 4:.4g}, over 9604.00 frames. "
        total = f"loss={loss * 1.1:.4g}, simple_loss={loss:.4g}, pruned_loss={loss / 2:.4g}, over 43605.08 frames. "
        self.say(
            f"Epoch {epoch}, batch {batch}, loss[{info}], tot_loss[{total}], batch size: 68, lr: 2.25e-02, grad_scale: 2.0"
        )

    def epoch(
        self, number: int, before: int, *, batches: int = BATCHES, counts: bool = True, until: int | None = None
    ) -> None:
        """One epoch, `before` batches after the beginning; scheduled values are printed with the batch count."""
        for batch in range(batches if until is None else until):
            if counts and batch in (4, 44, 50, 95):  # printed in the middle of a batch, before its own line
                count = (before + batch // 10 * 10) * 400 / 600
                self.say(f"ScheduledFloat: name=encoder.skip_rate, batch_count={count}, ans=0.2", "scaling.py:215")
            if batch % 50 == 0:
                self.batch(number, batch, 8.0 / (1 + before + batch))
            if batch == 0:
                self.say("Computing validation loss", "train.py:1198")
                loss = 7.0 / (1 + before)
                self.say(
                    f"Epoch {number}, validation: loss={loss:.4g}, simple_loss={loss / 2:.4g}, over 897381.00 frames. "
                )
                self.say("Maximum memory allocated so far is 6058MB", "train.py:1208")
            if batch == 30:
                norms = "2.408e+03 2.444e+03 2.490e+03 2.897e+03 3.566e+03"
                text = f"Clipping_scale=2.0, grad-norm quartiles {norms}, threshold=9.962e+03, percent-clipped=3.0"
                self.say(text, "optim.py:487", "WARNING")
        if until is None:
            self.say(f"Saving checkpoint to zipformer/exp/epoch-{number}.pt", "checkpoint.py:78")

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


UTTERANCES = {
    "1089-134686-0000-0": ("HE HOPED THERE WOULD BE STEW", {"a": "HE HOPED THERE WOULD BE STEW", "b": "HE HOPED THERE WOULD BE STOO"}),
    "1089-134686-0001-1": ("STUFF IT INTO YOU", {"a": "STUFF IT IN TO YOU", "b": "STUFF IT IN TO YOU"}),
    "1188-133604-0000-2": ("YOU WILL FIND ME", {"a": "YOU WILL FIND ME", "b": "YOU FIND ME"}),
    "1188-133604-0001-3": ("WELL", {"a": "WELL", "b": ""}),
}  # fmt: skip


def write_results(folder: Path, test_set: str, suffix: str, which: str, key: str = "") -> str:
    """Write ``recogs``, ``errs`` and summary of a search; return the line of its log."""
    folder.mkdir(parents=True, exist_ok=True)
    label = f"{test_set}-{key}" if key else test_set
    references = {name: reference for name, (reference, _) in UTTERANCES.items()}
    hypotheses = {name: texts[which] for name, (_, texts) in UTTERANCES.items()}
    counts = score(references, hypotheses).counts
    lines = []
    for name, reference in references.items():
        lines += [f"{name}:\tref={reference.split()}", f"{name}:\thyp={hypotheses[name].split()}"]
    (folder / f"recogs-{label}-{suffix}.txt").write_text("\n".join(lines) + "\n")
    rate = f"{100 * counts.errors / counts.reference_length:.2f}"
    errs = (
        f"%WER = {rate}\nErrors: {counts.insertions} insertions, {counts.deletions} deletions, "
        f"{counts.substitutions} substitutions, over {counts.reference_length} reference words ({counts.hits} correct)\n"
        "Search below for sections starting with PER-UTT DETAILS:, SUBSTITUTIONS:, DELETIONS:, INSERTIONS:, PER-WORD STATS:\n"
    )
    (folder / f"errs-{label}-{suffix}.txt").write_text(errs)
    said = f"{counts.insertions} ins, {counts.deletions} del, {counts.substitutions} sub ]"
    return f"%WER {rate}% [{counts.errors} / {counts.reference_length}, {said}"


def write_search(exp: Path, method: str, suffix: str, date: str, results: dict, metric: str = "WER") -> None:
    """Write a search as decode.py does: `results` is test set → {setting: "a" or "b"}."""
    log = LogWriter(50000.0)
    log.say("Decoding started", "decode.py:792")
    params = {
        "decoding_method": method,
        "beam_size": 4,
        "exp_dir": "PATH",
        "device": "DEVICE",
        "best_train_loss": float("inf"),
    }
    printed = (
        repr(params).replace("'PATH'", "PosixPath('zipformer/exp')").replace("'DEVICE'", "device(type='cuda', index=0)")
    )
    log.say(printed, "decode.py:804")
    log.say("Number of model parameters: 1234567", "decode.py:944")
    folder = exp / method
    for test_set, settings in results.items():
        rates = {}
        for key, which in settings.items():
            line = write_results(folder, test_set, suffix, which, key if len(settings) > 1 else "")
            log.say("batch 0/?, cuts processed until now is 4", "decode.py:682")
            log.say(f"The transcripts are stored in {folder}/recogs-{test_set}-{suffix}.txt", "decode.py:696")
            log.say(f"[{test_set}-{key}] {line}", "utils.py:558")
            rates[key] = float(line.split("%")[1].split()[1])
        ordered = sorted(rates.items(), key=lambda item: item[1])
        rows = [f"{key}\t{rate}" + (f"\tbest for {test_set}" if not n else "") for n, (key, rate) in enumerate(ordered)]
        log.say(f"\nFor {test_set}, {metric} of different settings are:\n" + "\n".join(rows) + "\n", "decode.py:725")
        summary = [f"settings\t{metric}", *(f"{key}\t{rate}" for key, rate in ordered)]
        (folder / f"wer-summary-{test_set}-{suffix}.txt").write_text("\n".join(summary) + "\n")
    log.say("Done!", "decode.py:976")
    (folder / f"log-decode-{suffix}-{date}").write_text(log.text())


def write_training(exp: Path, date: str = "2024-05-01-10-00-00", epochs: int = 3) -> None:
    """Write a training that came to its end."""
    log = LogWriter()
    log.begin(PARAMS)
    for number in range(1, epochs + 1):
        log.epoch(number, (number - 1) * BATCHES)
        (exp / f"epoch-{number}.pt").write_bytes(b"\x80model")
    log.say("Done!", "train.py:1444")
    (exp / "log").mkdir(parents=True, exist_ok=True)
    (exp / "log" / f"log-train-{date}").write_text(log.text())


def make_experiment(exp: Path) -> None:
    """Make a training, a greedy search, and a sweep over two LM scales on a dev and a test set."""
    exp.mkdir(parents=True, exist_ok=True)
    write_training(exp)
    suffix = "epoch-3-avg-2-context-2-max-sym-per-frame-1-use-averaged-model"
    write_search(exp, "greedy_search", suffix, "2024-05-02-09-00-00", {"test-clean": {"greedy_search": "a"}})
    suffix = "epoch-3-avg-2-modified_beam_search-beam-size-4"
    sweep = {
        "dev-clean": {"lm_scale_0.1": "b", "lm_scale_0.3": "a"},
        "test-clean": {"lm_scale_0.1": "a", "lm_scale_0.3": "b"},
    }
    write_search(exp, "modified_beam_search", suffix, "2024-05-02-10-00-00", sweep)


if __name__ == "__main__":
    make_experiment(Path(sys.argv[1]) / "zipformer" / "exp")
