"""Error counts: the only thing about accuracy that may be added up.

A rate without its counts cannot be combined with another one: the mean of two utterances' rates is not the rate of the
two utterances. So counts are the stored value and every rate is computed from them on demand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from speech_tracker.errors import InvalidArgumentError, InvalidTypeError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_FIELDS = ("hits", "substitutions", "deletions", "insertions", "utterances", "utterances_with_errors")


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Counts of one or more aligned utterances, in tokens of one unit (words, characters, …).

    All rates are **fractions** (0.082, not 8.2); they may exceed 1 because insertions are errors, and they are `None`
    where their denominator is 0 (an empty reference has counts, but no error rate).

    Counts add (`a + b`, `sum(many)`). They cannot be averaged, scaled or divided: that would give each utterance the
    same weight whatever its length.

    Attributes:
        hits: reference tokens recognised.
        substitutions: reference tokens recognised as something else.
        deletions: reference tokens with nothing opposite them.
        insertions: hypothesis tokens with nothing opposite them.
        utterances: how many utterances were added up.
        utterances_with_errors: how many of them have at least one error. Left out for a single utterance, it follows
            from the other counts.

    Raises:
        InvalidTypeError: a count is not a whole number.
        InvalidArgumentError: a count is negative, or the utterance counts contradict the others.
    """

    hits: int
    substitutions: int
    deletions: int
    insertions: int
    utterances: int = 1
    utterances_with_errors: int = -1

    def __post_init__(self) -> None:
        for name in _FIELDS:
            value = getattr(self, name)
            if type(value) is not int:
                object.__setattr__(self, name, _whole_number(name, value))
        if self.utterances_with_errors == -1:
            if self.utterances > 1:
                raise InvalidArgumentError(
                    f"utterances_with_errors is missing: got {self.utterances} utterances with {self.errors} errors, "
                    "from which it does not follow; pass how many of them have an error, or add up single utterances"
                )
            object.__setattr__(self, "utterances_with_errors", 1 if self.utterances and self.errors else 0)
        for name in _FIELDS:
            if getattr(self, name) < 0:
                raise InvalidArgumentError(f"{name} is negative: got {getattr(self, name)}, expected 0 or more")
        if self.utterances_with_errors > min(self.utterances, self.errors) or (
            self.errors and not self.utterances_with_errors
        ):
            raise InvalidArgumentError(
                f"the counts contradict each other: {self.utterances_with_errors} of {self.utterances} utterances with "
                f"errors, but {self.errors} errors in all; every utterance with errors has at least one"
            )

    @classmethod
    def from_array(
        cls, row: npt.NDArray[np.integer[Any]] | Iterable[int], *, utterances: int = 1, utterances_with_errors: int = -1
    ) -> ErrorCounts:
        """Make counts from four numbers in the order hits, substitutions, deletions, insertions."""
        hits, substitutions, deletions, insertions = (int(value) for value in row)
        return cls(hits, substitutions, deletions, insertions, utterances, utterances_with_errors)

    @classmethod
    def from_table(cls, table: npt.NDArray[np.integer[Any]]) -> ErrorCounts:
        """Sum a table of utterances.

        Args:
            table: shape (utterances, 4), columns hits, substitutions, deletions, insertions.
        """
        import numpy as np

        hits, substitutions, deletions, insertions = (int(x) for x in table.sum(axis=0, dtype=np.int64))
        with_errors = int(np.count_nonzero(table[:, 1:].any(axis=1)))
        return cls(hits, substitutions, deletions, insertions, len(table), with_errors)

    @classmethod
    def zero(cls) -> ErrorCounts:
        """Return the counts of no utterance at all, the neutral element of addition."""
        return cls(0, 0, 0, 0, 0, 0)

    @property
    def reference_length(self) -> int:
        """Tokens in the references: hits + substitutions + deletions."""
        return self.hits + self.substitutions + self.deletions

    @property
    def hypothesis_length(self) -> int:
        """Tokens in the hypotheses: hits + substitutions + insertions."""
        return self.hits + self.substitutions + self.insertions

    @property
    def errors(self) -> int:
        """Substitutions + deletions + insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def error_rate(self) -> float | None:
        """Errors per reference token: the WER, CER or mixed error rate, as the unit is. Fraction; may exceed 1."""
        return _ratio(self.errors, self.reference_length)

    wer = error_rate

    @property
    def sentence_error_rate(self) -> float | None:
        """Share of utterances with at least one error (Kaldi's %SER, sclite's S.Err), as a fraction."""
        return _ratio(self.utterances_with_errors, self.utterances)

    @property
    def match_error_rate(self) -> float | None:
        """Errors per aligned pair, errors / (hits + errors), as a fraction of at most 1. jiwer calls it MER.

        Source: Morris, Maier & Green, "From WER and RIL to MER and WIL", Interspeech 2004.
        """
        return _ratio(self.errors, self.hits + self.errors)

    @property
    def word_information_preserved(self) -> float | None:
        """(hits / reference_length) × (hits / hypothesis_length), as a fraction; 0 where only one side is empty.

        Source: Morris, Maier & Green, Interspeech 2004.
        """
        if not self.reference_length and not self.hypothesis_length:
            return None
        if not self.reference_length or not self.hypothesis_length:
            return 0.0
        return (self.hits / self.reference_length) * (self.hits / self.hypothesis_length)

    @property
    def word_information_lost(self) -> float | None:
        """1 - `word_information_preserved`, as a fraction (WIL)."""
        preserved = self.word_information_preserved
        return None if preserved is None else 1.0 - preserved

    @property
    def substitution_rate(self) -> float | None:
        """Substitutions per reference token, as a fraction."""
        return _ratio(self.substitutions, self.reference_length)

    @property
    def deletion_rate(self) -> float | None:
        """Deletions per reference token, as a fraction."""
        return _ratio(self.deletions, self.reference_length)

    @property
    def insertion_rate(self) -> float | None:
        """Insertions per reference token, as a fraction."""
        return _ratio(self.insertions, self.reference_length)

    def as_dict(self) -> dict[str, int]:
        """Return the counts, lengths included, for JSON."""
        return {
            "hits": self.hits,
            "substitutions": self.substitutions,
            "deletions": self.deletions,
            "insertions": self.insertions,
            "reference_length": self.reference_length,
            "hypothesis_length": self.hypothesis_length,
            "utterances": self.utterances,
            "utterances_with_errors": self.utterances_with_errors,
        }

    def kaldi_line(self, label: str = "WER") -> str:
        """Return the line that every researcher knows; the rate in it is in percent.

        >>> ErrorCounts(50638, 3337, 427, 695, 2703, 1500).kaldi_line()
        '%WER 8.20 [ 4459 / 54402, 695 ins, 427 del, 3337 sub ]'
        """
        rate = self.error_rate
        percent = "nan" if rate is None else f"{100 * rate:.2f}"
        return (
            f"%{label} {percent} [ {self.errors} / {self.reference_length}, "
            f"{self.insertions} ins, {self.deletions} del, {self.substitutions} sub ]"
        )

    def __add__(self, other: object) -> ErrorCounts:
        if not isinstance(other, ErrorCounts):
            if type(other) is int and other == 0:  # the start value of sum()
                return self
            return NotImplemented
        return ErrorCounts(*(getattr(self, name) + getattr(other, name) for name in _FIELDS))

    __radd__ = __add__

    def _refuse(self, *_: object) -> NoReturn:
        raise InvalidTypeError(
            f"counts add, but cannot be averaged, scaled or divided (got {self!r}); the rate of many utterances is the "
            "sum of their errors over the sum of their reference lengths: use sum(counts).error_rate"
        )

    __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __float__ = __int__ = _refuse


def _ratio(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None


def _whole_number(name: str, value: object) -> int:
    import operator

    if isinstance(value, bool):
        raise InvalidTypeError(f"{name} is not a count: got {value!r}, expected a whole number of 0 or more")
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InvalidTypeError(
            f"{name} is not a count: got {value!r} of type {type(value).__name__}, expected a whole number of 0 or "
            "more; pass counts, not rates"
        ) from None
