"""Which files of a Lightning experiment are read, by their names."""

from __future__ import annotations

import re

from speech_tracker.ingest.recognise import Sign
from speech_tracker.ingest.walk import FileRole

METRICS = FileRole("metrics")
HPARAMS = FileRole("hparams")
EVENTS = FileRole("events")
OUTPUT = FileRole("output")
CHECKPOINT = FileRole("checkpoint")

_OUTPUT = re.compile(
    r"^(nohup\.out|slurm-.*\.(out|err)|\d+_\d+_log\.(out|err)|(train|training|fit|log|run)[\w.-]*\.(log|out|err|txt))$"
)

SIGNS = (
    Sign(r"/version_[^/]+/metrics\.csv$", "is what Lightning's CSVLogger writes"),
    Sign(r"/epoch=\d+[^/]*\.ckpt$", "is named as Lightning names its checkpoints"),
    Sign(r"/lightning_logs/(.*/)?(hparams\.yaml|events\.out\.tfevents\.[^/]+)$", "stands in Lightning's own folder"),
    Sign(
        r"/metrics\.csv$", "has the columns of Lightning's CSVLogger",
        rb"^(?=[^\n]*\bepoch\b)(?:[^\n]*,)?step(?:,|\r?\n)",
    ),
)  # fmt: skip


def role_of(name: str) -> FileRole | None:
    """Return what a file of this name is, None when it is of no use."""
    if name == "metrics.csv":
        return METRICS
    if name == "hparams.yaml":
        return HPARAMS
    if name.startswith("events.out.tfevents."):
        return EVENTS
    if name.endswith(".ckpt"):
        return CHECKPOINT
    return OUTPUT if _OUTPUT.match(name) else None
