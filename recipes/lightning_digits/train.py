"""Train a small recogniser of spoken digit strings, and have everything recorded by one line.

python recipes/lightning_digits/train.py                       # speech made by espeak-ng
python recipes/lightning_digits/train.py --data recordings     # files named {digit}_{speaker}_{index}.wav
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import lightning.pytorch as pl
import torch
from data import TEST, VALID, Batch, DigitStrings, read_recordings
from model import DigitRecogniser
from torch.utils.data import DataLoader

from speech_tracker.cli import main as speech_tracker_command
from speech_tracker.integrations.lightning import SpeechTrackerCallback


def parse_arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of recordings; without it speech is synthesized")
    parser.add_argument("--output", type=Path, default=Path("digits"), help="where checkpoints and speech go")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--strings", type=int, default=1200, help="digit strings in an epoch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="a few seconds, to see that it works; learns little")
    return parser.parse_args()


def main() -> None:
    """Train, test, and show what was recorded."""
    arguments = parse_arguments()
    if arguments.small:
        arguments.epochs, arguments.strings = 1, 96
    pl.seed_everything(arguments.seed, verbose=False)
    torch.set_num_threads(1)  # the layers are too small to share out, and other people's jobs want the cores
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    source = arguments.data
    if source is None:
        from synthesize import synthesize

        source = synthesize(arguments.output / "speech", per_digit=10 if arguments.small else 20)
    recordings = read_recordings(source)
    held_out = [*TEST, *VALID]
    training = [each for each in recordings if each.index not in held_out]
    tested = [each for each in recordings if each.index in TEST]
    size = 24 if arguments.small else 120
    train = DigitStrings(training, "train", arguments.strings, seed=arguments.seed, noise_db=(10.0, 50.0))
    valid = DigitStrings([each for each in recordings if each.index in VALID], "valid", size, seed=2)
    tests = [
        DigitStrings(tested, "test-clean", size, seed=3),
        DigitStrings(tested, "test-noisy", size, seed=3, noise_db=(5.0, 5.0)),
    ]

    tracker = SpeechTrackerCallback(
        "digits", task="asr", languages="en", experiment_folder=arguments.output
    )  # the one line
    keep_best = pl.callbacks.ModelCheckpoint(arguments.output / "checkpoints", monitor="valid/loss", save_last=True)
    trainer = pl.Trainer(
        max_epochs=arguments.epochs,
        accelerator="cpu",
        callbacks=[tracker, keep_best],
        logger=False,
        log_every_n_steps=5,
        gradient_clip_val=5.0,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
    )
    loaders = {
        name: DataLoader(data, 32, collate_fn=Batch)
        for name, data in (("valid", valid), *((each.name, each) for each in tests))
    }
    last = arguments.output / "checkpoints" / "last.ckpt"
    trainer.fit(
        DigitRecogniser(),
        DataLoader(train, 32, shuffle=True, collate_fn=Batch),
        loaders.pop("valid"),
        ckpt_path=last if last.exists() else None,  # started again, it goes on where it was
        weights_only=False,
    )
    trainer.test(
        ckpt_path=keep_best.best_model_path or None,
        dataloaders=list(loaders.values()),
        verbose=False,
        weights_only=False,
    )
    report(tracker)


def report(tracker: SpeechTrackerCallback) -> None:
    """End the run, and print what was recorded and how to look further."""
    run = tracker.run
    if run is None or run.folder is None:
        return
    run.finish()
    print()
    speech_tracker_command(["show", run.id])
    print(
        f"""
Everything lies in {run.folder}
Look further:
  speech-tracker list
  speech-tracker history {run.id} train/loss valid/wer
  speech-tracker sync {run.id}        # to W&B, when there is a network"""
    )


if __name__ == "__main__":
    main()
