"""The result of scoring one test set: counts, alignments and attributes of each utterance, in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from speech_tracker.errors import InvalidArgumentError, explain
from speech_tracker.evaluation.align import Pairs
from speech_tracker.evaluation.counts import ErrorCounts
from speech_tracker.evaluation.preference import Alignment
from speech_tracker.evaluation.sclite_network import ScliteRules
from speech_tracker.evaluation.tokenize import Spaces, Unit, tokenizer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class NormalizerRecord:
    """Which normaliser was applied before counting."""

    name: str = "none"
    version: str = "1"
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ScoringProblem:
    """Something about the input that changes what the score means.

    Attributes:
        kind: ``"missing-hypothesis"`` (what was done with it is `Evaluation.missing`), ``"extra-hypothesis"`` (left
            out, it has no reference), ``"empty-reference"``, ``"missing-attribute"`` (in `detail`) or
            ``"unusual-space"``.
        utterance_ids: all utterances that it concerns.
        detail: the name of the attribute, or nothing.
    """

    kind: str
    utterance_ids: tuple[str, ...]
    detail: str = ""

    def __str__(self) -> str:
        shown = ", ".join(self.utterance_ids[:5]) + (", …" if len(self.utterance_ids) > 5 else "")
        what = _PROBLEMS.get(self.kind, self.kind).format(detail=self.detail)
        return f"{len(self.utterance_ids)} {what}: {shown}"


_PROBLEMS = {
    "missing-hypothesis": "utterances have a reference and no hypothesis",
    "extra-hypothesis": "hypotheses have no reference and were left out",
    "empty-reference": "utterances have an empty reference (their insertions count, they have no rate of their own)",
    "missing-attribute": "utterances have no {detail}",
    "unusual-space": "utterances hold white space that is not ASCII and so does not separate words",
}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Counts and alignments of n utterances against their references, in columns of length n.

    Attributes:
        unit: what was counted.
        alignment: whose path preference decided between alignments of equal cost.
        normalizer: what was done to the text before counting.
        missing: what was done with references without hypothesis.
        utterance_ids: in the order of the references.
        references: text as scored, after normalisation.
        hypotheses: text as scored; `""` for a missing one counted as deletions.
        table: int32, shape (n, 4): hits, substitutions, deletions, insertions.
        operation_codes: all alignments one after another, over the bytes ``C``, ``S``, ``D``, ``I``.
        operation_offsets: int64, shape (n + 1,).
        attributes: name → column, for example ``speaker_id``; `None` where an utterance has no value.
        problems: what was left out, missing or doubtful.
        spaces: for unit ``"char"``, whether a space is a character.
        case_sensitive: whether ``A`` and ``a`` differ.
        pairs: aligned tokens of the utterances where they do not follow from the texts (alternates, optional words).
        rules: for alignment ``"sclite"``, which of its conventions were honoured in the texts.
    """

    unit: Unit
    alignment: Alignment
    normalizer: NormalizerRecord
    missing: str
    utterance_ids: Sequence[str]
    references: Sequence[str]
    hypotheses: Sequence[str]
    table: npt.NDArray[np.int32]
    operation_codes: bytes
    operation_offsets: npt.NDArray[np.int64]
    attributes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    problems: tuple[ScoringProblem, ...] = ()
    spaces: Spaces = "keep"
    case_sensitive: bool = True
    pairs: Mapping[int, Pairs] = field(default_factory=dict, repr=False)
    rules: ScliteRules | None = None

    def __len__(self) -> int:
        """Return the number of utterances."""
        return len(self.utterance_ids)

    def __repr__(self) -> str:
        return f"<Evaluation of {len(self)} utterances, {self.alignment}, {self.unit}: {self.counts.kaldi_line()}>"

    @cached_property
    def counts(self) -> ErrorCounts:
        """Counts of the whole set."""
        return ErrorCounts.from_table(self.table)

    @property
    def error_rate(self) -> float | None:
        """Errors per reference token of the whole set: WER, CER or mixed error rate, as a fraction."""
        return self.counts.error_rate

    wer = error_rate

    @property
    def sentence_error_rate(self) -> float | None:
        """Share of utterances with an error, as a fraction."""
        return self.counts.sentence_error_rate

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {utterance_id: index for index, utterance_id in enumerate(self.utterance_ids)}

    def index_of(self, utterance_id: str) -> int:
        """Return the position of an utterance.

        Raises:
            InvalidArgumentError: it was not scored.
        """
        try:
            return self._positions[utterance_id]
        except KeyError:
            raise InvalidArgumentError(
                explain(
                    "no such utterance",
                    got=utterance_id,
                    expected=f"one of the {len(self)} scored",
                    remedy="look at `utterance_ids` and at `problems`",
                )
            ) from None

    def counts_of(self, index: int) -> ErrorCounts:
        """Counts of one utterance."""
        return ErrorCounts.from_array(self.table[index])

    def operations(self, index: int) -> bytes:
        """Alignment of one utterance from left to right, over ``C`` (hit), ``S``, ``D``, ``I``."""
        return self.operation_codes[int(self.operation_offsets[index]) : int(self.operation_offsets[index + 1])]

    def aligned(self, index: int) -> list[tuple[str | None, str | None]]:
        """Token pairs (reference, hypothesis) of one utterance; `None` opposite a deletion or an insertion.

        An optional word that was not spoken (sclite) is a hit opposite the empty string.
        """
        special = self.pairs.get(index)
        if special is not None:
            return list(special)
        split = tokenizer(self.unit, self.spaces)
        reference, hypothesis = iter(split(self.references[index])), iter(split(self.hypotheses[index]))
        return [
            (None if code == _INSERTION else next(reference), None if code == _DELETION else next(hypothesis))
            for code in self.operations(index)
        ]

    def by(self, attribute: str) -> dict[Any, ErrorCounts]:
        """Counts of each value of an attribute, in the order in which the values first occur.

        Utterances without a value are counted under `None`, so that the groups add up to `counts`.

        Raises:
            InvalidArgumentError: no utterance has that attribute.
        """
        import numpy as np

        values, codes = self.groups(attribute)
        sums = np.zeros((len(values), 5), np.int64)
        for column in range(4):
            sums[:, column] = np.bincount(codes, self.table[:, column], len(values))
        sums[:, 4] = np.bincount(codes, self.table[:, 1:].any(axis=1), len(values))
        sizes = np.bincount(codes, minlength=len(values))
        return {
            value: ErrorCounts.from_array(row[:4], utterances=size, utterances_with_errors=row[4])
            for value, row, size in zip(values, sums.tolist(), sizes.tolist(), strict=True)
        }

    def groups(self, attribute: str) -> tuple[list[Any], npt.NDArray[np.int64]]:
        """Distinct values of an attribute in order of first occurrence, and the position of each utterance's value."""
        import numpy as np

        if attribute not in self.attributes:
            raise InvalidArgumentError(
                explain(
                    "no such attribute",
                    got=attribute,
                    expected=f"one of {', '.join(self.attributes) or 'none: no attributes were given'}",
                    remedy="pass it to `score(..., attributes=)`",
                )
            )
        column = self.attributes[attribute]
        positions = {value: position for position, value in enumerate(dict.fromkeys(column))}
        return list(positions), np.fromiter(map(positions.__getitem__, column), np.int64, len(self))


_INSERTION, _DELETION = b"ID"
