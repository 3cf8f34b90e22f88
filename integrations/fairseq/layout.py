"""What each file below a folder of Fairseq's is, by its name. Nothing is opened here.

Training logs have no name of their own: what a shell or a scheduler makes of standard output, ``--log-file``, and Hydra's
``<job>.log``. So every file that may be a log is looked at, and only what is found in it makes it one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from speech_tracker.ingest.walk import FileRole

LOG, RATE, WORDS, MODEL = FileRole("log"), FileRole("rate"), FileRole("words"), FileRole("model")

_LOG = re.compile(
    r"^(?!dict\.|requirements|CMakeLists|README|LICENSE).*(\.(log|out|err|txt|jsonl)(\.\d+)?|^(log|nohup|stdout|stderr))$"
)
_WORDS = re.compile(
    r"^(?:(?P<shard>\d+)_)?(?:(?P<before>.+)\.)?(?P<side>hypo|ref)\.(?P<unit>word|units)"
    r"(?:-(?P<model>.+\.pt)-(?P<subset>.+)\.txt|\.(?P<rank>\d+)|\.txt)?$"
)
_RATE = re.compile(r"^wer(\.\d+)?$")


@dataclass(frozen=True, slots=True)
class WordFile:
    """What the name of a file with references or hypotheses says.

    Attributes:
        side: ``hypo`` or ``ref``.
        unit: ``word`` or ``units`` (the tokens of the model).
        subset: that was decoded; ``""`` where the name does not say.
        model: file name of the checkpoint, likewise.
        key: what the files of one search share.
    """

    side: str
    unit: str
    subset: str
    model: str
    key: str


def parse_word_name(name: str) -> WordFile | None:
    """Return what a file's name says, None when it is no such file.

    >>> parse_word_name("hypo.word-checkpoint_best.pt-dev_other.txt").subset
    'dev_other'
    >>> parse_word_name("sample.large.hypo.word").key
    'sample.large'
    """
    found = _WORDS.match(name)
    if found is None:
        return None
    subset, model = found["subset"] or "", found["model"] or ""
    key = "-".join(part for part in (found["before"] or "", model, subset) if part)
    return WordFile(found["side"], found["unit"], subset, model, key)


def role_of(name: str, _folders: tuple[str, ...] = ()) -> FileRole | None:
    """Return what a file is, None when it is of no use."""
    if _WORDS.match(name):
        return WORDS
    if _RATE.match(name):
        return RATE
    if name.endswith(".pt"):
        return MODEL
    return LOG if _LOG.match(name) else None
