"""The records that most transcript formats come down to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from speech_tracker.errors import InvalidArgumentError, explain

_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


def _no_attributes() -> Mapping[str, str]:
    return _NO_ATTRIBUTES


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance of one side, reference or hypothesis.

    Attributes:
        utterance_id: the key that both sides share.
        text: as it stands in the file, alternates and optional words included.
        line_number: where it stood, from 1; 0 when it was not read from a file.
        speaker_id: None when the format or the file does not say.
        duration_s: seconds of audio, None when unknown.
        attributes: language, domain, condition, …, as text.
    """

    utterance_id: str
    text: str
    line_number: int = field(default=0, compare=False)
    speaker_id: str | None = None
    duration_s: float | None = None
    attributes: Mapping[str, str] = field(default_factory=_no_attributes)


@dataclass(frozen=True, slots=True)
class UtterancePair:
    """One utterance of a file that holds both sides; the attributes are those of `Utterance`."""

    utterance_id: str
    reference: str
    hypothesis: str
    line_number: int = field(default=0, compare=False)
    speaker_id: str | None = None
    duration_s: float | None = None
    attributes: Mapping[str, str] = field(default_factory=_no_attributes)


def checked_field(value: str, what: str, *, forbidden: str = " \t\r\n") -> str:
    """Return `value` if it can be written as one field of a line.

    Raises:
        InvalidArgumentError: it is empty or holds one of the characters in `forbidden`.
    """
    if not value or any(character in value for character in forbidden):
        raise InvalidArgumentError(
            explain(
                f"{what} cannot be written",
                got=value,
                expected=f"text without any of {forbidden!r}",
                remedy="rename it",
            )
        )
    return value


def checked_text(value: str, what: str = "text") -> str:
    """Return `value` if it fits on one line.

    Raises:
        InvalidArgumentError: it holds a line end.
    """
    if "\n" in value or "\r" in value:
        raise InvalidArgumentError(
            explain(
                f"{what} cannot be written", got=value, expected="one line", remedy="replace the line ends by spaces"
            )
        )
    return value
