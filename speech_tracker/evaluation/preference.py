"""Which of several alignments of equal cost each reference scorer takes.

The dynamic programme is the same for all of them; they differ in the costs and in the step that a cell prefers when
two steps cost the same. Both are held here, so that the aligner itself knows no scorer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from speech_tracker.errors import InvalidArgumentError, explain

Alignment = Literal["kaldi", "align-text", "sclite", "jiwer"]


@dataclass(frozen=True, slots=True)
class Preference:
    """Costs and order of steps of one scorer; a step leads into a cell of the cost matrix.

    Attributes:
        gap: cost of a deletion and of an insertion.
        swap: cost of a substitution.
        order: the operations as letters, the preferred one first; a hit (first or last) and a substitution never
            compete.
        trims: whether tokens that agree at both ends are taken as hits before anything else is decided.
    """

    gap: int
    swap: int
    order: str
    trims: bool = False

    @property
    def codes(self) -> bytes:
        """The operation letters by rank."""
        return self.order.encode()

    def rank(self, letter: str) -> int:
        """Rank of an operation, 0 for the most preferred."""
        return self.order.index(letter)


PREFERENCES: dict[Alignment, Preference] = {
    # Kaldi's LevenshteinEditDistance with counts (util/edit-distance-inl.h), used by compute-wer and kaldialign:
    # the diagonal only when it is cheaper than both gaps, a deletion only when it is cheaper than an insertion.
    "kaldi": Preference(gap=1, swap=1, order="IDSC"),
    # Kaldi's LevenshteinAlignment in the same file, used by align-text and so by wer_details/per_utt and per_spk:
    # the diagonal when it is no dearer, then the deletion.
    "align-text": Preference(gap=1, swap=1, order="CSDI"),
    # SCTK's calculate_internal_cells (net_dp.c) with the costs of wwd_WORD (word.c).
    "sclite": Preference(gap=3, swap=4, order="CSID"),
    # rapidfuzz's recover_alignment, which jiwer 4 uses: an insertion goes before a hit, but not before a substitution.
    "jiwer": Preference(gap=1, swap=1, order="DSIC", trims=True),
}
ALIGNMENTS: tuple[Alignment, ...] = tuple(PREFERENCES)


def preference(alignment: str) -> Preference:
    """Return the preference of that name.

    Raises:
        InvalidArgumentError: there is none.
    """
    for name, found in PREFERENCES.items():
        if name == alignment:
            return found
    raise InvalidArgumentError(
        explain(
            "unknown alignment",
            got=alignment,
            expected=f"one of {', '.join(ALIGNMENTS)}",
            remedy="correct `alignment=`",
        )
    )
