"""What each file of an icefall experiment is, by its name and the folder that it stands in. Nothing is opened here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from speech_tracker.integrations.icefall.headers import date_and_rank
from speech_tracker.integrations.icefall.names import ResultName, parse_result_name

Kind = Literal["train", "decode", "output", "errs", "summary", "recogs", "page", "model"]


@dataclass(frozen=True, slots=True)
class FileRole:
    """What a file is.

    Attributes:
        parser: which parser reads it; ``recogs`` and ``model`` are opened when they are needed.
        date: in the name of a log.
        rank: in the name of a log.
        result: what the name of a result file says.
    """

    parser: Kind
    date: str = ""
    rank: int = 0
    result: ResultName | None = None

    @property
    def name(self) -> str:
        """What the file is read as."""
        return self.parser


_OUTPUT = re.compile(
    r"^(nohup.*\.out|slurm[-_]?\d*.*\.(out|err|log)|(train|finetune|pretrain|run)[\w.-]*\.(log|out|err))$"
)
_MODEL = re.compile(
    r"^(epoch-\d+|checkpoint-\d+|best-(train|valid)-loss|bad-model.*|pretrained|epoch-\d+-avg-\d+)\.pt$"
)


def role_of(name: str) -> FileRole | None:
    """Return what a file of this name is, None when it is of no use here; names say enough in any folder."""
    if name.startswith(("log-train", "log-finetune", "log-pretrain")):
        return FileRole("train", *date_and_rank(name))
    if name.startswith("log-decode"):
        return FileRole("decode", *date_and_rank(name))
    if name.startswith(("recogs-", "errs-", "wer-summary-", "cer-summary-")):
        result = parse_result_name(name)
        if result is None:
            return None
        kind: Kind = "recogs" if result.kind == "recogs" else "errs" if result.kind == "errs" else "summary"
        return FileRole(kind, result=result)
    if name.endswith(".pt"):
        return FileRole("model") if _MODEL.match(name) else None
    if name in ("RESULTS.md", "RESULTS-CR-CTC.md") or re.match(r"^RESULTS[\w.-]*\.md$", name):
        return FileRole("page")
    if _OUTPUT.match(name):
        return FileRole("output")
    return None
