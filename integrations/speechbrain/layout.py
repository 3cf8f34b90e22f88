"""What each file of a SpeechBrain recipe's output is, by its name and the folder that it stands in. Nothing is opened."""

from __future__ import annotations

import re

from speech_tracker.ingest.recognise import Sign
from speech_tracker.ingest.walk import FileRole
from speech_tracker.integrations.speechbrain.score_files import score_name

_TRAIN_LOG = re.compile(r"^(?:\w+[_-])?train_log(?:[_-]\w+)?\.txt$")
_TERMINAL = re.compile(r"^(?:nohup|slurm-[\w.%-]+|[\w.+-]+)\.(?:out|err)$")

CHECKPOINT_FOLDER = re.compile(r"^CKPT\+[\w.+-]+$")

PRUNED = re.compile(
    r"^(\.git|\.speech_tracker|__pycache__|wandb|wav|audio|sync|runs|mlruns|\.cache|tensorboard|tb_logs)$"
)
"""Folders without results. Checkpoints are not among them: their ``CKPT.yaml`` says what they were chosen by."""

OF_A_RUN = frozenset({"train_log", "run_log", "env", "hyperparams"})
"""Parsers of the files that make a folder an experiment's; hyperparameters alone may be those of a published model."""

SIGNS = (
    Sign(
        r"/train_log\.txt$", "is a training log of FileTrainLogger", rb"(?im)^epoch[ a-z]*: .* - (train|valid|test) \w"
    ),
    Sign(r"/env\.log$", "describes the system for it", rb"^SpeechBrain system description"),
    Sign(r"/log\.txt$", "is its log", rb" - speechbrain\."),
    Sign(r"/CKPT\+[^/]+/CKPT\.yaml$", "describes one of its checkpoints"),
    Sign(r"/(wer|cer|per)[_-]?[\w.-]*\.txt$", "has its error rates", rb"<utterance-id>, WER DETAILS"),
    Sign(r"/hyperparams\.yaml$", "is its configuration", rb"!(new|name|apply):speechbrain\."),
)
"""What only SpeechBrain writes, by name and content."""


def role_of(name: str, folders: tuple[str, ...]) -> FileRole | None:
    """Return what a file is, None when it is of no use here.

    Args:
        name: of the file.
        folders: the names of the folders that it stands in.
    """
    folder = folders[-1] if folders else ""
    if CHECKPOINT_FOLDER.match(folder):
        return FileRole("checkpoint") if name == "CKPT.yaml" else None
    if _TRAIN_LOG.match(name):
        return FileRole("train_log")
    if name == "log.txt":
        return FileRole("run_log")
    if name == "env.log":
        return FileRole("env")
    if name == "hyperparams.yaml":
        return FileRole("hyperparams")
    if score_name(name) is not None:
        return FileRole("scores")
    if _TERMINAL.match(name):
        return FileRole("terminal")
    if name.endswith((".csv", ".json")):
        return FileRole("manifest")  # opened when a configuration names it
    return None
