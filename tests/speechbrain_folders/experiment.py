"""Writes what a SpeechBrain recipe leaves, in the format of SpeechBrain 1.1, with figures that are known."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from speech_tracker.formats.speechbrain_wer import RULE, format_alignment

STARTED = datetime(2025, 3, 31, 20, 0, 0, tzinfo=timezone.utc)
ZONE_HOURS = 3
"""The machine's clock is ahead of UTC."""

Aligned = Sequence[tuple[str | None, str | None]]

CLEAN: dict[str, Aligned] = {
    "spk1-0001": [("the", "the"), ("cat", "hat"), ("sat", None)],
    "spk1-0002": [("on", "on"), ("the", "the"), ("mat", "mat"), (None, "at")],
    "spk2-0001": [("all", "all"), ("day", "day"), ("long", "long")],
}
"""3 errors in 9 words."""

OTHER: dict[str, Aligned] = {
    "spk1-0003": [("no", "now"), (None, "and"), (None, "then")],
    "spk2, 0002": [("one", "one"), ("more", None)],
}
"""4 errors in 3 words: more than 100 %."""


def header(aligned: Mapping[str, Aligned], *, partial: bool = False) -> str:
    pairs = [pair for each in aligned.values() for pair in each]
    insertions = sum(reference is None for reference, _ in pairs)
    deletions = sum(hypothesis is None for _, hypothesis in pairs)
    substitutions = sum(None not in pair and pair[0] != pair[1] for pair in pairs)
    length, errors = len(pairs) - insertions, insertions + deletions + substitutions
    wrong = sum(any(one != other for one, other in each) for each in aligned.values())
    return (
        f"%WER {100 * errors / length:.2f} [ {errors} / {length}, {insertions} ins, {deletions} del, "
        f"{substitutions} sub ]{' [PARTIAL]' if partial else ''}\n"
        f"%SER {100 * wrong / len(aligned):.2f} [ {wrong} / {len(aligned)} ]\n"
        f"Scored {len(aligned)} sentences, {int(partial)} not present in hyp.\n"
    )


def score_file(aligned: Mapping[str, Aligned], *, partial: bool = False) -> str:
    example = format_alignment("<utterance-id>", [(None, "and"), ("reference", "hypothesis"), ("on", "on")])
    example = "<utterance-id>, WER DETAILS\n" + example.partition("\n")[2]
    blocks = "".join(f"{RULE}\n{format_alignment(name, each)}" for name, each in aligned.items())
    return f"{header(aligned, partial=partial)}{RULE}\nALIGNMENTS\n\nFormat:\n{example}{blocks}"


HYPERPARAMS = """\
# Generated 2025-03-31 from:
# /home/who/recipe/hparams/train.yaml
# yamllint disable
seed: {seed}
__set_seed: !apply:speechbrain.utils.seed_everything [{seed}]
output_folder: results/crdnn/{seed}
save_folder: results/crdnn/{seed}/save
train_log: results/crdnn/{seed}/train_log.txt
train_csv: train.csv
valid_csv: dev.csv
test_csv:
- test-clean.csv
- test-other.csv
number_of_epochs: {limit}
batch_size: 8
lr: 0.01
sample_rate: 16000
n_mels: 80
n_fft: 400
output_neurons: 1000
test_beam_size: 20
lm_weight: 0.5
train_logger: !new:speechbrain.utils.train_logger.FileTrainLogger
  save_file: results/crdnn/{seed}/train_log.txt
compute_features: !new:speechbrain.lobes.features.Fbank
  n_mels: 80
enc: &id001 !new:speechbrain.lobes.models.CRDNN.CRDNN
  input_shape: [null, null, 80]
modules:
  enc: *id001
opt_class: !name:torch.optim.Adadelta
  rho: 0.95
lr_annealing: !new:speechbrain.nnet.schedulers.NewBobScheduler
  initial_value: 0.01
epoch_counter: !new:speechbrain.utils.epoch_loop.EpochCounter
  limit: {limit}
"""

ENV = """\
SpeechBrain system description
==============================
Python version:
3.10.16 (main, Dec  5 2024, 14:16:10) [GCC 13.3.0]
==============================
Installed Python packages:
speechbrain==1.0.2
torch==2.6.0
==============================
Git revision:
2400aed
==============================
CUDA version:
12.4
"""


@dataclass
class Experiment:
    """One output folder in the making.

    Attributes:
        recipe: folder that the recipe was run in.
        seed: of it, and the name of its output folder.
        limit: epochs that there shall be.
    """

    recipe: Path
    seed: int = 7
    limit: int = 4
    clock: datetime = STARTED
    epochs: list[int] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.recipe / "results" / "crdnn" / str(self.seed)

    def write(self) -> Experiment:
        """A training to its end, with tests on two sets."""
        self.begin()
        for epoch in range(1, self.limit + 1):
            self.epoch(epoch)
        self.test("test-clean", CLEAN, loss=1.25)
        self.test("test-other", OTHER, loss=2.5)
        self.grow_old()
        return self

    def begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "hyperparams.yaml").write_text(HYPERPARAMS.format(seed=self.seed, limit=self.limit))
        (self.folder / "env.log").write_text(ENV)
        self.say("core", "Beginning experiment!")
        self.say("core", f"Experiment folder: results/crdnn/{self.seed}")
        self.say("core", "ASR Model Statistics:")
        self.log("* Total Number of Trainable Parameters: 13.3M\n* Total Number of Parameters: 14.1M\n")

    def log(self, text: str) -> None:
        with (self.folder / "log.txt").open("a") as file:
            file.write(text)

    def say(self, module: str, text: str, level: str = "INFO") -> None:
        self.clock += timedelta(seconds=1)
        stamp = self.clock.strftime("%Y-%m-%d %H:%M:%S")
        self.log(f"{stamp},{250:03d} - speechbrain.{module} - {level} - {text}\n")

    def stats(self, text: str) -> None:
        with (self.folder / "train_log.txt").open("a") as file:
            file.write(text + "\n")
        self.say("utils.train_logger", text)

    def epoch(self, epoch: int, *, loss: float | None = None, wer: float | None = None, steps: str = "") -> None:
        """An epoch of ten minutes; losses are 10 / epoch, WERs 100 / epoch."""
        self.say("utils.epoch_loop", f"Going into epoch {epoch}")
        self.clock += timedelta(minutes=10)
        self.stats(
            f"epoch: {epoch}, lr: 1.00e-02{steps} - train loss: {loss or 10 / epoch:.2f} - valid loss: {20 / epoch:.2f}, "
            f"valid WER: {wer or 100 / epoch:.2f}"
        )
        self.save(epoch, wer or 100 / epoch)
        self.epochs.append(epoch)

    def save(self, epoch: int, wer: float) -> Path:
        name = self.clock.strftime("CKPT+%Y-%m-%d+%H-%M-%S+00")
        unixtime = (self.clock - timedelta(hours=ZONE_HOURS)).timestamp() + 0.5
        path = self.folder / "save" / name
        path.mkdir(parents=True, exist_ok=True)
        (path / "CKPT.yaml").write_text(
            f"# yamllint disable\nWER: {wer}\nend-of-epoch: true\nepoch: {epoch}\nunixtime: {unixtime}\n"
        )
        self.say("utils.checkpoints", f"Saved an end-of-epoch checkpoint in results/crdnn/{self.seed}/save/{name}")
        return path

    def test(self, name: str, aligned: Mapping[str, Aligned], *, loss: float) -> None:
        best = max((self.folder / "save").iterdir())
        self.say("utils.checkpoints", f"Loading a checkpoint from results/crdnn/{self.seed}/save/{best.name}")
        text = score_file(aligned)
        rate = float(text.split()[1])
        shown = f"{rate:.2f}" if 1 < rate < 100 else f"{rate:.2e}"
        self.stats(f"Epoch loaded: {self.epochs[-1]} - test loss: {loss:.2f}, test WER: {shown}")
        (self.folder / f"wer_{name}.txt").write_text(text)

    def fail(self, error: str = "torch.OutOfMemoryError: CUDA out of memory") -> int:
        """The recipe ends with an exception; returns the number of the line that says which."""
        self.say("core", "Exception:", "ERROR")
        self.log(f'Traceback (most recent call last):\n  File "train.py", line 1, in <module>\n    fit()\n{error}\n')
        return (self.folder / "log.txt").read_text().count("\n")

    def grow_old(self) -> None:
        """As if nobody had written to it for a month."""
        long_ago = time.time() - 30 * 86_400
        for path in self.folder.rglob("*"):
            if path.is_file():
                os.utime(path, (long_ago, long_ago))


def write_manifests(recipe: Path) -> None:
    """Manifests of four sets; those of the tests name the speakers."""
    recipe.mkdir(parents=True, exist_ok=True)
    head = "ID,duration,wav,spk_id,wrd\n"
    rows = "".join(f"utt{n},1.5,{n}.wav,spk{n % 3},a word\n" for n in range(40))
    (recipe / "train.csv").write_text(head + rows)
    (recipe / "dev.csv").write_text(head + "dev1,2.0,1.wav,spk9,yes\ndev2,4.0,2.wav,spk9,no\n")
    for name, aligned in (("test-clean", CLEAN), ("test-other", OTHER)):
        lines = [f'"{each}",2.0,{number}.wav,{each[:4]},text\n' for number, each in enumerate(aligned)]
        (recipe / f"{name}.csv").write_text(head + "".join(lines))


if __name__ == "__main__":  # the page's example: two seeds, the second killed by its scheduler
    folder = Path(sys.argv[1])
    write_manifests(folder)
    Experiment(folder, 7).write()
    second = Experiment(folder, 8)
    second.begin()
    second.epoch(1, wer=96.5)
    second.epoch(2, wer=61.25)
    second.grow_old()
    (folder / "slurm-4711.out").write_text(
        "speechbrain.core - Experiment folder: results/crdnn/8\n"
        "slurmstepd: error: *** JOB 4711 ON node07 CANCELLED AT 2025-03-31T20:40:00 DUE TO TIME LIMIT ***\n"
    )
