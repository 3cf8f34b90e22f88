"""Our counts against those of every reference scorer that is installed, utterance by utterance."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from speech_tracker.errors import MissingExtraError, SpeechTrackerError
from speech_tracker.evaluation.preference import Alignment
from speech_tracker.evaluation.score import score
from speech_tracker.evaluation.tokenize import split_words
from speech_tracker.formats.sclite_report import parse_sclite_report
from speech_tracker.optional import require

Counts = tuple[int, int, int]
"""Substitutions, deletions, insertions of one utterance."""

_SCLITE_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class ScorerCheck:
    """One reference scorer's counts beside ours.

    Attributes:
        scorer: its name.
        version: its version, empty when it is not installed.
        alignment: our alignment that must equal it.
        theirs: its substitutions, deletions, insertions over all utterances; None when it gave none.
        ours: ours.
        differing: utterances whose counts differ.
        failure: why it gave no counts: not installed, or what went wrong.
        is_installed: whether there was anything to compare with.
    """

    scorer: str
    version: str
    alignment: Alignment
    theirs: Counts | None
    ours: Counts
    differing: tuple[str, ...] = ()
    failure: str = ""
    is_installed: bool = True

    @property
    def agrees(self) -> bool:
        """Whether every utterance has the same counts."""
        return self.theirs is not None and not self.differing and self.theirs == self.ours


class ScorerFailedError(SpeechTrackerError):
    """A reference scorer ran and gave no counts."""


class NotInstalledError(SpeechTrackerError):
    """A reference scorer is not there."""


def verify(references: Mapping[str, str], hypotheses: Mapping[str, str]) -> list[ScorerCheck]:
    """Score with every reference scorer, and compare utterance by utterance.

    Utterances without a hypothesis are left out on both sides, since the scorers treat them differently.
    """
    keys = [key for key in references if key in hypotheses]
    left = {key: references[key] for key in keys}
    right = {key: hypotheses[key] for key in keys}
    return [_check(name, alignment, run, left, right) for name, alignment, run in _SCORERS]


def _check(
    name: str, alignment: Alignment, run: Callable[[Sequence[str], Sequence[str]], tuple[str, list[Counts]]],
    references: Mapping[str, str], hypotheses: Mapping[str, str],
) -> ScorerCheck:  # fmt: skip
    table = score(references, hypotheses, alignment=alignment).table
    ours = [(int(row[1]), int(row[2]), int(row[3])) for row in table]
    total = _sum(ours)
    try:
        found, theirs = run(list(references.values()), list(hypotheses.values()))
    except NotInstalledError as error:
        return ScorerCheck(name, "", alignment, None, total, failure=str(error), is_installed=False)
    except ScorerFailedError as error:
        return ScorerCheck(name, "", alignment, None, total, failure=str(error))
    differing = tuple(key for key, mine, other in zip(references, ours, theirs, strict=True) if mine != other)
    return ScorerCheck(name, found, alignment, _sum(theirs), total, differing)


def _sum(rows: Sequence[Counts]) -> Counts:
    return sum(row[0] for row in rows), sum(row[1] for row in rows), sum(row[2] for row in rows)


def find_sclite() -> list[str] | None:
    """Return the command that runs NIST's sclite: on PATH, through Debian's ``sctk``, or in its folder; else None."""
    if (found := shutil.which("sclite")) is not None:
        return [found]
    if (found := shutil.which("sctk")) is not None:
        return [found, "sclite"]
    debian = Path("/usr/lib/sctk/bin/sclite")
    return [str(debian)] if debian.is_file() else None


def _sclite(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[str, list[Counts]]:
    command = find_sclite()
    if command is None:
        raise NotInstalledError("not installed: apt install sctk, or build SCTK and put sclite on PATH")
    with tempfile.TemporaryDirectory(prefix="speech-tracker-verify-") as folder:
        for name, texts in (("ref.trn", references), ("hyp.trn", hypotheses)):
            # a leading blank keeps a text that begins with ;; from being a comment
            lines = [f" {' '.join(split_words(text))} (s-{place:07d})\n" for place, text in enumerate(texts)]
            (Path(folder) / name).write_text("".join(lines), encoding="utf-8", errors="surrogatepass")
        arguments = ["-i", "rm", "-r", "ref.trn", "trn", "-h", "hyp.trn", "trn", "-o", "pra", "stdout"]
        if not all(text.isascii() for text in (*references, *hypotheses)):
            arguments += ["-e", "utf-8"]
        if any("(" in text for text in references):
            arguments.append("-D")  # optional words are what we take (word) for
        done = _run([*command, *arguments], folder)
    report = parse_sclite_report(done.stdout.decode("utf-8", "replace"))
    by_place = {
        int(each.pair.utterance_id.rpartition("-")[2]): (each.substitutions, each.deletions, each.insertions)
        for each in report.utterances
    }
    if done.returncode or len(by_place) != len(references):
        said = (done.stderr.decode("utf-8", "replace").strip() or "no message").splitlines()[-1][:200]
        raise ScorerFailedError(
            f"sclite ended with exit code {done.returncode} after {len(by_place)} of {len(references)} utterances ({said})"
        )
    return _sclite_version(command), [by_place[place] for place in range(len(references))]


def _run(command: Sequence[str], folder: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=_SCLITE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ScorerFailedError(f"no answer from {command[0]} within {_SCLITE_TIMEOUT_S} s") from error
    except OSError as error:
        raise ScorerFailedError(f"{command[0]} cannot be run: {error}") from error


def _sclite_version(command: Sequence[str]) -> str:
    done = _run(command, tempfile.gettempdir())
    found = re.search(rb"[Vv]ersion:?\s*([\d.]+)", done.stdout + done.stderr)
    return found[1].decode() if found else "unknown version"


def _kaldialign(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[str, list[Counts]]:
    kaldialign = _installed("kaldialign")
    rows = []
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        found = kaldialign.edit_distance(split_words(reference), split_words(hypothesis))
        rows.append((int(found["sub"]), int(found["del"]), int(found["ins"])))
    return _version("kaldialign"), rows


def _jiwer(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[str, list[Counts]]:
    jiwer = _installed("jiwer")
    split = jiwer.Compose([jiwer.ReduceToListOfListOfWords()])
    left, right = ([" ".join(split_words(text)) for text in texts] for texts in (references, hypotheses))
    found = jiwer.process_words(left, right, reference_transform=split, hypothesis_transform=split)
    rows = []
    for chunks in found.alignments:
        sizes = {"substitute": 0, "delete": 0, "insert": 0, "equal": 0}
        for chunk in chunks:
            sizes[chunk.type] += max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        rows.append((sizes["substitute"], sizes["delete"], sizes["insert"]))
    return _version("jiwer"), rows


def _installed(module: str) -> Any:
    try:
        return require(module, extra="evaluation", purpose="verify the scoring")
    except MissingExtraError as error:
        raise NotInstalledError("not installed: pip install 'speech-tracker[evaluation]'") from error


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown version"


_SCORERS: tuple[tuple[str, Alignment, Callable[[Sequence[str], Sequence[str]], tuple[str, list[Counts]]]], ...] = (
    ("sclite", "sclite", _sclite),
    ("kaldialign", "kaldi", _kaldialign),
    ("jiwer", "jiwer", _jiwer),
)


def generated_set(utterances: int = 2000, *, seed: int = 0) -> tuple[dict[str, str], dict[str, str]]:
    """Return references and hypotheses made to provoke ties: few different words, many errors, empty sides.

    Half of the utterances use five words, so that many alignments cost the same; the others a thousand. The same seed
    gives the same set.
    """
    generator = random.Random(seed)
    few = ["a", "b", "c", "the", "cat"]
    many = [f"word{number}" for number in range(950)] + [f"w\u00f6rt{number}" for number in range(50)]
    references, hypotheses = {}, {}
    for place in range(utterances):
        words = few if place % 2 else many
        rate = generator.choice((0.02, 0.1, 0.3, 0.6))
        reference = [] if place % 97 == 0 else generator.choices(words, k=generator.randint(1, 25))
        hypothesis: list[str] = []
        for word in reference or generator.choices(words, k=generator.randint(0, 3)):
            chance = generator.random()
            if chance < 0.4 * rate:
                hypothesis.append(generator.choice(words))
            elif chance < 0.75 * rate:
                hypothesis += [] if chance < 0.6 * rate else [word, generator.choice(words)]
            else:
                hypothesis.append(word)
        if place % 101 == 0:
            hypothesis = []
        key = f"generated-{place:06d}"
        references[key], hypotheses[key] = " ".join(reference), " ".join(hypothesis)
    return references, hypotheses
