"""Alignments of many pairs of texts at once, with the path preference of each reference scorer."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from speech_tracker.evaluation.align_groups import PairedKeys, align_groups
from speech_tracker.evaluation.align_sclite import NetworkPath, Pair, TextError, align_texts, refuse_alternates
from speech_tracker.evaluation.preference import ALIGNMENTS, Alignment, preference
from speech_tracker.evaluation.sclite_network import ScliteRules
from speech_tracker.evaluation.token_keys import KeyMaker
from speech_tracker.evaluation.tokenize import Spaces, Unit, tokenizer

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

__all__ = ["ALIGNMENTS", "AlignedBatch", "Aligner", "Alignment", "Pairs", "TextError"]

Pairs = tuple[Pair, ...]

# What is aligned at a time: large enough for vector operations, small enough to stay in cache and bound the memory.
_CHUNK_UTTERANCES = 32768
_CHUNK_CHARACTERS = 4_000_000
_HIT = ord("C")


@dataclass(frozen=True, slots=True)
class AlignedBatch:
    """The alignments of n utterances.

    Attributes:
        table: int32, shape (n, 4): hits, substitutions, deletions, insertions.
        operations: the operations of all utterances one after another, over the bytes ``C``, ``S``, ``D``, ``I``.
        offsets: int64, shape (n + 1,): utterance i has ``operations[offsets[i]:offsets[i + 1]]``.
        pairs: only for utterances whose aligned tokens do not follow from their text (alternates, optional words).
    """

    table: npt.NDArray[np.int32]
    operations: bytes
    offsets: Integers
    pairs: Mapping[int, Pairs] = field(default_factory=dict)

    @classmethod
    def join(cls, parts: Sequence[AlignedBatch]) -> AlignedBatch:
        """Put batches one after another."""
        if len(parts) == 1:
            return parts[0]
        offsets = [np.zeros(1, np.int64)]
        pairs: dict[int, Pairs] = {}
        utterances = operations = 0
        for part in parts:
            offsets.append(part.offsets[1:] + operations)
            pairs.update({utterances + index: value for index, value in part.pairs.items()})
            utterances += len(part.table)
            operations += len(part.operations)
        tables = [np.zeros((0, 4), np.int32), *(part.table for part in parts)]
        return cls(np.concatenate(tables), b"".join(part.operations for part in parts), np.concatenate(offsets), pairs)


@dataclass(frozen=True, slots=True)
class Aligner:
    """How to align.

    Attributes:
        alignment: whose path preference to follow.
        unit: what a token is.
        spaces: for unit ``"char"``, whether a space is a token.
        case_sensitive: whether ``A`` and ``a`` are different letters; no other letter is ever folded.
        rules: for alignment ``"sclite"``, what to read into the texts.
    """

    alignment: Alignment = "kaldi"
    unit: Unit = "word"
    spaces: Spaces = "keep"
    case_sensitive: bool = True
    rules: ScliteRules = field(default_factory=ScliteRules)

    def chunks(self, references: Sequence[str], hypotheses: Sequence[str]) -> Iterator[slice]:
        """Cut into stretches that are bounded in utterances and, but for a single one, in characters."""
        sizes = np.fromiter(map(len, references), np.int64, len(references))
        sizes += np.fromiter(map(len, hypotheses), np.int64, len(hypotheses))
        ends = np.cumsum(sizes)
        start = read = 0
        while True:
            fits = int(np.searchsorted(ends, read + _CHUNK_CHARACTERS, "right"))
            stop = min(max(fits, start + 1), start + _CHUNK_UTTERANCES, len(references))
            yield slice(start, stop)
            if stop == len(references):
                return
            start, read = stop, int(ends[stop - 1])

    def align(self, references: Sequence[str], hypotheses: Sequence[str]) -> AlignedBatch:
        """Align each reference with the hypothesis at the same place.

        Raises:
            TextError: a text cannot be read.
        """
        parts = [self.align_chunk(references[c], hypotheses[c], c.start) for c in self.chunks(references, hypotheses)]
        return AlignedBatch.join(parts)

    def align_chunk(self, references: Sequence[str], hypotheses: Sequence[str], position: int = 0) -> AlignedBatch:
        """Align all at once; `position` is that of the first pair, for the message of a `TextError`."""
        special: dict[int, NetworkPath] = {}
        if self.alignment == "sclite":
            special = self._special(references, hypotheses, position)
            if special:
                references, hypotheses = list(references), list(hypotheses)
                for index in special:
                    references[index] = hypotheses[index] = ""
        return self._align_plain(references, hypotheses, special)

    def _align_plain(
        self, references: Sequence[str], hypotheses: Sequence[str], special: Mapping[int, NetworkPath]
    ) -> AlignedBatch:
        chosen = preference(self.alignment)
        # Equal texts are hits throughout whatever the preference: every other path costs something.
        which = np.flatnonzero(np.fromiter(map(operator.ne, references, hypotheses), np.bool_, len(references)))
        maker = KeyMaker(self.unit, self.spaces, case_sensitive=self.case_sensitive)
        tokens = maker.keys([*references, *(hypotheses[index] for index in which.tolist())])
        lengths = np.diff(tokens.offsets)
        reference_lengths = lengths[: len(references)]
        hypothesis_lengths = reference_lengths.copy()
        hypothesis_lengths[which] = lengths[len(references) :]
        sides = PairedKeys(
            tokens.keys,
            tokens.offsets[which],
            tokens.offsets[len(references) : -1],
            reference_lengths[which],
            hypothesis_lengths[which],
        )
        heads = tails = np.zeros(len(which), np.int64)
        if chosen.trims:
            heads, tails = sides.trim()
        groups = list(align_groups(sides, chosen))

        path_lengths = reference_lengths.copy()
        substitutions = np.zeros(len(references), np.int64)
        for group, paths in groups:
            path_lengths[which[group]] = paths.lengths + heads[group] + tails[group]
            substitutions[which[group]] = paths.substitutions
        for index, path in special.items():
            path_lengths[index] = len(path.operations)
        offsets = np.concatenate([[0], np.cumsum(path_lengths)])
        codes = np.full(offsets[-1], _HIT, np.uint8)
        for group, paths in groups:
            starts = offsets[which[group]] + heads[group]
            written = np.cumsum(paths.lengths) - paths.lengths
            codes[np.repeat(starts - written, paths.lengths) + np.arange(len(paths.codes))] = paths.codes

        table = np.empty((len(references), 4), np.int32)
        table[:, 1] = substitutions
        table[:, 2] = path_lengths - hypothesis_lengths
        table[:, 3] = path_lengths - reference_lengths
        table[:, 0] = reference_lengths - table[:, 1] - table[:, 2]
        for index, path in special.items():
            codes[offsets[index] : offsets[index + 1]] = np.frombuffer(path.operations, np.uint8)
            table[index] = [path.operations.count(letter) for letter in b"CSDI"]
        return AlignedBatch(table, codes.tobytes(), offsets, {index: path.pairs for index, path in special.items()})

    def _special(self, references: Sequence[str], hypotheses: Sequence[str], position: int) -> dict[int, NetworkPath]:
        """Align the pairs in which sclite would see more than a row of words."""
        if self.unit == "char" and self.spaces == "keep":
            refuse_alternates(references, hypotheses, self.rules, position)
            return {}
        letters = self.rules.special()
        everything = "".join(references) + "".join(hypotheses)
        letters = "".join(letter for letter in letters if letter in everything)
        if not letters:
            return {}
        found = re.compile(f"[{re.escape(letters)}]").search
        split = None if self.unit == "word" else tokenizer(self.unit, self.spaces)
        return {
            index: align_texts(pair, self.rules, split, case_sensitive=self.case_sensitive, position=position + index)
            for index, pair in enumerate(zip(references, hypotheses, strict=True))
            if found(pair[0]) or found(pair[1])
        }
