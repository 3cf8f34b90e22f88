"""The scorers that are compared; each takes columns of equal length and gives (substitutions, deletions, insertions).

A library that is not installed is left out. `None` stands for a number that a scorer does not give.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SCLITE = Path("/usr/lib/sctk/bin/sclite")

Counts = tuple["int | None", "int | None", "int | None"]


@dataclass(frozen=True)
class TestSet:
    ids: list[str]
    speakers: list[str]
    references: list[str]
    hypotheses: list[str]

    def __len__(self) -> int:
        return len(self.ids)


def ours(test_set: TestSet, alignment: str = "kaldi", workers: int | None = None) -> Counts:
    """Counts of the set and of each speaker; all alignments kept."""
    from speech_tracker.evaluation import score

    evaluation = score(
        dict(zip(test_set.ids, test_set.references, strict=True)),
        dict(zip(test_set.ids, test_set.hypotheses, strict=True)),
        alignment=alignment,  # type: ignore[arg-type]
        attributes={"speaker_id": dict(zip(test_set.ids, test_set.speakers, strict=True))},
        workers=workers,
    )
    evaluation.by("speaker_id")
    counts = evaluation.counts
    return counts.substitutions, counts.deletions, counts.insertions


def ours_in_parts(test_set: TestSet) -> Counts:
    """The same over a stream, with 50,000 utterances in memory at a time."""
    from speech_tracker.evaluation import ErrorCounts
    from speech_tracker.evaluation.score_parts import score_parts

    stream = zip(test_set.ids, test_set.references, test_set.hypotheses, strict=True)
    counts = sum((part.counts for part in score_parts(stream, utterances_per_part=50_000)), ErrorCounts.zero())
    return counts.substitutions, counts.deletions, counts.insertions


def jiwer(test_set: TestSet) -> Counts:
    """`process_words` of the whole set: alignments kept, no groups."""
    import jiwer as library

    out = library.process_words(test_set.references, test_set.hypotheses)
    return out.substitutions, out.deletions, out.insertions


def kaldialign_counts(test_set: TestSet) -> Counts:
    """`edit_distance` once per utterance: counts, no alignments."""
    import kaldialign

    sums = [0, 0, 0]
    for reference, hypothesis in zip(test_set.references, test_set.hypotheses, strict=True):
        found = kaldialign.edit_distance(reference.split(), hypothesis.split())
        sums[0] += found["sub"]
        sums[1] += found["del"]
        sums[2] += found["ins"]
    return sums[0], sums[1], sums[2]


def kaldialign_alignments(test_set: TestSet) -> Counts:
    """`align` once per utterance, alignments kept; nothing counted."""
    import kaldialign

    kept = [
        kaldialign.align(reference.split(), hypothesis.split(), "*")
        for reference, hypothesis in zip(test_set.references, test_set.hypotheses, strict=True)
    ]
    assert len(kept) == len(test_set)
    return None, None, None


def sclite(test_set: TestSet) -> Counts:
    """NIST's binary with the report of each utterance, files written included."""
    with tempfile.TemporaryDirectory() as folder:
        for name, texts in (("ref", test_set.references), ("hyp", test_set.hypotheses)):
            lines = (f"{text} ({key})\n" for key, text in zip(test_set.ids, texts, strict=True))
            Path(folder, name).write_text("".join(lines))
        command = [SCLITE, "-i", "rm", "-r", f"{folder}/ref", "trn", "-h", f"{folder}/hyp", "trn"]
        command += ["-o", "pra", "-O", folder, "-f", "0", "-n", "out"]
        subprocess.run(command, check=True, capture_output=True)
        found = re.findall(r"^Scores: .*\) \d+ (\d+) (\d+) (\d+)$", Path(folder, "out.pra").read_text(), re.MULTILINE)
    sums = [sum(map(int, column)) for column in zip(*found, strict=True)]
    return sums[0], sums[1], sums[2]


def meeteval(test_set: TestSet) -> Counts:
    """Single-speaker error rate, once per utterance."""
    from meeteval.wer import siso_word_error_rate

    sums = [0, 0, 0]
    for reference, hypothesis in zip(test_set.references, test_set.hypotheses, strict=True):
        found = siso_word_error_rate(reference, hypothesis)
        sums[0] += found.substitutions
        sums[1] += found.deletions
        sums[2] += found.insertions
    return sums[0], sums[1], sums[2]


def rapidfuzz_distance(test_set: TestSet) -> Counts:
    """Nothing but the number of errors: what a scorer with alignments can hardly come below."""
    from rapidfuzz.distance import Levenshtein

    for reference, hypothesis in zip(test_set.references, test_set.hypotheses, strict=True):
        Levenshtein.distance(reference.split(), hypothesis.split())
    return None, None, None


SCORERS: dict[str, Callable[[TestSet], Counts]] = {
    "speech-tracker, kaldi": lambda s: ours(s, "kaldi", 1),
    "speech-tracker, sclite": lambda s: ours(s, "sclite", 1),
    "speech-tracker, jiwer": lambda s: ours(s, "jiwer", 1),
    "jiwer": jiwer,
    "kaldialign, counts": kaldialign_counts,
    "kaldialign, alignments": kaldialign_alignments,
    "sclite": sclite,
    "meeteval": meeteval,
    "rapidfuzz, distance only": rapidfuzz_distance,
}
LARGE: dict[str, Callable[[TestSet], Counts]] = {
    "speech-tracker, one process": lambda s: ours(s, "kaldi", 1),
    "speech-tracker, two processes": lambda s: ours(s, "kaldi", 2),
    "speech-tracker, stream": ours_in_parts,
    "jiwer": jiwer,
}
"""For the large set; each is run in a process of its own, so that its memory can be told."""


def columns(rows: Sequence[tuple[str, str, str, str]]) -> TestSet:
    ids, speakers, references, hypotheses = (list(column) for column in zip(*rows, strict=True))
    return TestSet(ids, speakers, references, hypotheses)
