"""Trains and decodes with the real ESPnet as the recipes do, in one process, each program with its log.

``python train_and_decode.py CONFIG``, in a folder with the ``data/`` of `make_data.py`.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from espnet2.bin import asr_inference, asr_train

MODEL = Path("exp/asr_tiny_raw_char_sp")
DECODED = MODEL / "decode_beam2_asr_model_valid.acc.best" / "test_low"


def logged(log: Path, program: str, main: Callable[[list[str]], None], options: list[str]) -> None:
    """Run a program with its output in a log, with the lines of ``run.pl`` around it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        file.write(
            f"# python3 -m espnet2.bin.{program} {' '.join(options)}\n# Started at Sat Nov  8 10:00:00 CET 2025\n#\n"
        )
    target = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(target, stream)
    main(options)
    sys.stdout.flush()
    sys.stderr.flush()
    logging.root.handlers.clear()
    os.write(
        target,
        b"# Accounting: time=3 threads=1\n# Ended (code 0) at Sat Nov  8 10:00:03 CET 2025, elapsed time 3 seconds\n",
    )


def data_options(split: str, folder: str) -> list[str]:
    """Return the options that name a data folder."""
    return [
        f"--{split}_data_path_and_name_and_type", f"{folder}/wav.scp,speech,sound",
        f"--{split}_data_path_and_name_and_type", f"{folder}/text,text,text", f"--{split}_shape_file", f"{folder}/wav.scp",
    ]  # fmt: skip


if __name__ == "__main__":
    training = [
        "--use_preprocessor", "true", "--ngpu", "0", "--config", sys.argv[1], "--token_type", "char", "--token_list",
        "data/tokens.txt", *data_options("train", "data/train_sp"), *data_options("valid", "data/dev"), "--resume", "true",
        "--output_dir", str(MODEL), "--max_epoch", "2",
    ]  # fmt: skip
    logged(MODEL / "train.log", "asr_train", asr_train.main, training)
    keys = DECODED / "logdir" / "keys.1.scp"
    keys.parent.mkdir(parents=True)
    keys.write_text(Path("data/test_low/wav.scp").read_text())
    decoding = [
        "--batch_size", "1", "--ngpu", "0", "--data_path_and_name_and_type", "data/test_low/wav.scp,speech,sound", "--key_file",
        str(keys), "--asr_train_config", str(MODEL / "config.yaml"), "--asr_model_file", str(MODEL / "valid.acc.best.pth"),
        "--output_dir", str(keys.parent / "output.1"), "--beam_size", "2", "--ctc_weight", "0.3", "--maxlenratio", "-6",
    ]  # fmt: skip
    logged(keys.parent / "asr_inference.1.log", "asr_inference", asr_inference.main, decoding)
