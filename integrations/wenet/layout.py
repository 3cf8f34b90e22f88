"""What each file of a WeNet experiment is, by its name and the folder that it stands in. Nothing is opened here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from speech_tracker.integrations.wenet.names import parse_decode_name

Kind = Literal["log", "wer", "checkpoint", "config", "rtf", "page", "text", "model"]


@dataclass(frozen=True, slots=True)
class FileRole:
    """What a file is.

    Attributes:
        parser: which parser reads it; ``text`` and ``model`` are opened when they are needed.
        tag: of a checkpoint's file: ``epoch_3``, ``3``, ``step_1000``.
    """

    parser: Kind
    tag: str = ""

    @property
    def name(self) -> str:
        """What the file is read as."""
        return self.parser


_LOG = re.compile(r"\.(log|out|err)$|^(log|train_log|nohup)[\w.-]*\.txt$")
_INFO = re.compile(r"^((?:epoch_|step_)?\d+)\.yaml$")
_MODEL = re.compile(r"^((?:epoch_|step_)?\d+|avg_?\d+|final|init)\.(pt|zip)$")


def role_of(name: str, folders: tuple[str, ...]) -> FileRole | None:
    """Return what a file is, None when it is of no use here.

    Args:
        name: of the file.
        folders: the names of the folders that it stands in, from the outermost.
    """
    folder = folders[-1] if folders else ""
    if name in ("wer", "cer", "wer.txt") or (name.startswith("wer_") and parse_decode_name(name[4:]) is not None):
        return FileRole("wer")
    if name == "text" and folder != "data" and "data" not in folders[-2:]:
        return FileRole("text")
    info = _INFO.match(name)
    if info is not None:
        return FileRole("checkpoint", info[1])
    if name == "train.yaml" and folder not in ("conf", "config"):
        return FileRole("config")
    if name == "rtf":
        return FileRole("rtf")
    if name in ("README.md", "RESULTS.md"):
        return FileRole("page")
    if _MODEL.match(name):
        return FileRole("model")
    return FileRole("log") if _LOG.search(name) else None
