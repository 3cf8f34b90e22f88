"""The exception tree.

::

    SpeechTrackerError
    ├── InvalidArgumentError (ValueError)   a wrong value given to a public function
    ├── InvalidTypeError (TypeError)        a value of the wrong type
    ├── StoreError (OSError)                the local store cannot be used
    │   └── UnsafePathError                 a path or id that would leave the store
    ├── JournalError                        a journal cannot be read at all
    │   └── JournalVersionError             it was written by a newer version
    ├── RunNotFoundError (LookupError)      no run answers to that id or name
    ├── AmbiguousRunError (LookupError)     several runs do
    ├── FormatError (ValueError)            a file is not in the format it should be in
    ├── ScoringError (ValueError)           references and hypotheses cannot be scored
    ├── SyncError                           W&B could not be brought up to date
    └── MissingExtraError (ImportError)     an optional library is not installed

Every message has four parts: what happened, the value, what was expected, what to do.
The command line turns each of these into one message on stderr and exit code 2.
"""

from __future__ import annotations

from pathlib import Path


class SpeechTrackerError(Exception):
    """Base of everything that this library raises on purpose."""


class InvalidArgumentError(SpeechTrackerError, ValueError):
    """A public function was given a value that it cannot take."""


class InvalidTypeError(SpeechTrackerError, TypeError):
    """A public function was given a value of the wrong type."""


class StoreError(SpeechTrackerError, OSError):
    """The local store cannot be created, read or written."""


class UnsafePathError(StoreError):
    """A run id or a file name would lead out of the store."""


class JournalError(SpeechTrackerError):
    """A journal cannot be read at all (a damaged line is no error: it is skipped and reported)."""


class JournalVersionError(JournalError):
    """A journal was written in a format newer than this version of the library knows."""


class RunNotFoundError(SpeechTrackerError, LookupError):
    """No run in the store answers to the given id, prefix or name."""


class AmbiguousRunError(SpeechTrackerError, LookupError):
    """More than one run answers to the given prefix or name."""


class FormatError(SpeechTrackerError, ValueError):
    """A file is not in the format that it should be in.

    Attributes:
        path: the file, or None when text was given.
        line: number of the line, from 1, or None when the whole file is meant.
    """

    def __init__(self, message: str, *, path: str | Path | None = None, line: int | None = None) -> None:
        where = "" if path is None else f"{path}:{line}: " if line is not None else f"{path}: "
        super().__init__(f"{where}{message}")
        self.path = path
        self.line = line


class ScoringError(SpeechTrackerError, ValueError):
    """References and hypotheses cannot be scored as they are."""


class SyncError(SpeechTrackerError):
    """W&B could not be brought up to date; the local record is whole."""


class MissingExtraError(SpeechTrackerError, ImportError):
    """An optional library is not installed."""


def explain(what: str, *, got: object, expected: str, remedy: str) -> str:
    """Return a message of the four parts: what happened, the value, what was expected, what to do.

    >>> explain("unknown task", got="asrr", expected="one of asr, tts", remedy="correct `task=`")
    "unknown task: got 'asrr', expected one of asr, tts; correct `task=`"
    """
    shown = repr(got)
    if len(shown) > 200:
        shown = shown[:197] + "..."
    return f"{what}: got {shown}, expected {expected}; {remedy}"
