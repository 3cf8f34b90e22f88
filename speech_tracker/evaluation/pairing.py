"""Two or more evaluations of the same utterances, side by side: what every comparison of systems starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import ScoringError
from speech_tracker.evaluation.blocks import Blocks, choose_blocks

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Evaluations whose utterances correspond, row by row.

    Attributes:
        evaluations: as they were given.
        rows: for each evaluation, the row of each common utterance; None where all rows are meant, in order.
        left_out: utterances that not every evaluation has.
    """

    evaluations: tuple[Evaluation, ...]
    rows: tuple[npt.NDArray[np.int64] | None, ...]
    left_out: int

    def __len__(self) -> int:
        """Return the number of common utterances."""
        return len(self.table(0))

    def table(self, system: int) -> npt.NDArray[np.int32]:
        """Counts of one system, shape (utterances, 4): hits, substitutions, deletions, insertions."""
        rows = self.rows[system]
        table = self.evaluations[system].table
        return table if rows is None else table[rows]

    def errors(self, system: int) -> npt.NDArray[np.int64]:
        """Errors of one system in each utterance."""
        errors: npt.NDArray[np.int64] = self.table(system)[:, 1:].sum(axis=1, dtype=np.int64)
        return errors

    def reference_lengths(self, system: int) -> npt.NDArray[np.int64]:
        """Reference tokens of each utterance. They can differ between systems where the reference has alternates."""
        lengths: npt.NDArray[np.int64] = self.table(system)[:, :3].sum(axis=1, dtype=np.int64)
        return lengths

    def attribute(self, name: str) -> list[Any]:
        """Values of an attribute for each common utterance, from the first evaluation that has it."""
        for evaluation, rows in zip(self.evaluations, self.rows, strict=True):
            if name in evaluation.attributes:
                column = evaluation.attributes[name]
                return list(column) if rows is None else [column[row] for row in rows.tolist()]
        raise KeyError(name)

    def blocks(self, block: str | None) -> Blocks:
        """Choose what to resample, the same for all systems. See `choose_blocks`."""
        names = {name for evaluation in self.evaluations for name in evaluation.attributes}
        return choose_blocks({name: self.attribute(name) for name in sorted(names)}, len(self), block)


def pair(*evaluations: Evaluation, common: bool = False) -> Paired:
    """Match evaluations by utterance id and make sure that they can be compared.

    Args:
        evaluations: two or more evaluations of one test set.
        common: compare the utterances that all of them have; otherwise a difference in utterances is an error.

    Raises:
        ScoringError: they were not scored alike (unit, alignment, normaliser, …), their references differ, or they do not
            hold the same utterances.
    """
    first = evaluations[0]
    for other in evaluations[1:]:
        for what, ours, theirs in (
            ("unit", first.unit, other.unit),
            ("alignment", first.alignment, other.alignment),
            ("normalizer", first.normalizer, other.normalizer),
            ("case_sensitive", first.case_sensitive, other.case_sensitive),
            ("spaces", first.spaces, other.spaces),
            ("rules", first.rules, other.rules),
        ):
            if ours != theirs and not (what == "spaces" and first.unit != "char"):
                raise ScoringError(
                    f"evaluations that were scored differently cannot be compared: got {what} {ours!r} and {theirs!r}, "
                    f"expected the same; score both with the same {what}"
                )
    if all(list(other.utterance_ids) == list(first.utterance_ids) for other in evaluations[1:]):
        paired = Paired(evaluations, (None,) * len(evaluations), 0)
    else:
        paired = _match(evaluations, common)
    if not len(paired):
        raise ScoringError(
            "there is nothing to compare: no utterance is in all evaluations; check that they use the same ids"
        )
    _check_references(paired)
    return paired


def _match(evaluations: Sequence[Evaluation], common: bool) -> Paired:
    positions = [{key: row for row, key in enumerate(evaluation.utterance_ids)} for evaluation in evaluations]
    union = dict.fromkeys(key for known in positions for key in known)
    shared = [key for key in positions[0] if all(key in known for known in positions[1:])]
    left_out = len(union) - len(shared)
    if left_out and not common:
        example = next(key for key in union if not all(key in known for known in positions))
        holders = [str(number) for number, known in enumerate(positions, start=1) if example in known]
        raise ScoringError(
            f"the evaluations hold different utterances: {left_out} of {len(union)} are not in all of them (for example "
            f"{example!r}, only in number {', '.join(holders)}); score them with missing='deletions', or compare the "
            "common utterances with common=True"
        )
    rows = tuple(np.array([known[key] for key in shared], dtype=np.int64) for known in positions)
    return Paired(tuple(evaluations), rows, left_out)


def _check_references(paired: Paired) -> None:
    first, first_rows = paired.evaluations[0], paired.rows[0]
    for number, (other, rows) in enumerate(zip(paired.evaluations[1:], paired.rows[1:], strict=True), start=2):
        for i in range(len(paired)):
            ours = i if first_rows is None else int(first_rows[i])
            theirs = i if rows is None else int(rows[i])
            if first.references[ours] != other.references[theirs]:
                raise ScoringError(
                    f"the evaluations have different references: utterance {first.utterance_ids[ours]!r} reads "
                    f"{first.references[ours]!r} in number 1 and {other.references[theirs]!r} in number {number}; "
                    "score both systems against the same references"
                )
