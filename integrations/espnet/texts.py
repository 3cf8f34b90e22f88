"""The utterances of a decoded test set, scored anew by their ids.

`hyp.trn` is made by pasting the hypotheses beside `utt2spk`, line by line: where decoding lost an utterance, each
later line has the words of another one. So what was decoded (`text`) is preferred to what was pasted, and of all pairs
of references and hypotheses that are there the one is taken whose counts are those that sclite printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from speech_tracker.errors import SpeechTrackerError
from speech_tracker.formats.kaldi_text import parse_kaldi_text, parse_utt2spk
from speech_tracker.formats.trn import parse_trn, speaker_by_sclite
from speech_tracker.ingest.found import LocatedProblem
from speech_tracker.ingest.logfile import LFS_POINTER, NOT_FETCHED
from speech_tracker.integrations.espnet.score_files import ScoreCounts

if TYPE_CHECKING:
    from speech_tracker.evaluation import Evaluation

Load = Callable[[list[LocatedProblem]], "Evaluation | None"]

SPACE = "<space>"
"""ESPnet's token for a blank, which counts as a character."""


@dataclass(frozen=True, slots=True)
class TextFiles:
    """Where the texts of a decoded test set are.

    Attributes:
        folder: of the set, for messages.
        hypotheses: `text` files that are parts of one set; empty where only transcripts are left.
        references: `text` of the data folder; None where it is not here.
        speakers: `utt2spk` of the data folder; None likewise.
        reference_trn: `ref.trn` of the scoring; None likewise.
        hypothesis_trn: `hyp.trn` of the scoring; None likewise.
    """

    folder: Path
    hypotheses: tuple[Path, ...] = ()
    references: Path | None = None
    speakers: Path | None = None
    reference_trn: Path | None = None
    hypothesis_trn: Path | None = None

    @property
    def any(self) -> bool:
        """Whether a pair can be made of them."""
        pasted = self.reference_trn is not None and self.hypothesis_trn is not None
        return pasted or bool(self.hypotheses and (self.references or self.reference_trn))


@dataclass(frozen=True, slots=True)
class _Pair:
    """References and hypotheses by utterance id, and what they are of."""

    source: Path
    references: Mapping[str, str]
    hypotheses: Mapping[str, str]
    speakers: Mapping[str, str]
    pasted: bool


def loader(files: TextFiles, metric: str, counts: ScoreCounts | None) -> Load | None:
    """Return a function that scores the utterances anew, None where there are no texts.

    Args:
        files: the texts.
        metric: ``wer``, ``cer`` or ``ter``.
        counts: what sclite counted; None where it was not run.
    """
    if not files.any or (metric not in ("wer", "cer") and files.hypothesis_trn is None):
        return None

    def load(problems: list[LocatedProblem]) -> Evaluation | None:
        first: Evaluation | None = None
        scored: list[tuple[_Pair, Evaluation]] = []
        for pair in _pairs(files, metric, problems):
            try:
                evaluation = _score(pair, metric)
            except SpeechTrackerError as error:
                problems.append(LocatedProblem(str(pair.source), None, f"cannot be scored: {error}"))
                continue
            if counts is None or _same(evaluation, counts):
                first = evaluation
                break
            scored.append((pair, evaluation))
        if first is not None or not scored or counts is None:
            return first
        return _without_equal(scored, counts, files, problems)

    return load


def own_counts(files: TextFiles) -> ScoreCounts | None:
    """Return the word errors of a set that no scorer was run on; None while some of its utterances are not decoded."""
    paths = [path for path in (*files.hypotheses, files.references) if path is not None]
    try:
        stamps = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
    except OSError:
        return None
    return _own_counts(files, stamps)


@lru_cache(maxsize=512)
def _own_counts(files: TextFiles, _stamps: tuple[tuple[int, int], ...]) -> ScoreCounts | None:
    if files.references is None or not files.hypotheses:
        return None
    pair = next(_pairs(files, "wer", []), None)
    if pair is None or not set(pair.references) <= set(pair.hypotheses):
        return None
    try:
        counts = _score(pair, "wer").counts
    except SpeechTrackerError:
        return None
    return ScoreCounts(
        counts.utterances, counts.reference_length, counts.hits, counts.substitutions, counts.deletions, counts.insertions,
        counts.utterances_with_errors, (),
    )  # fmt: skip


def _without_equal(
    scored: list[tuple[_Pair, Evaluation]], counts: ScoreCounts, files: TextFiles, problems: list[LocatedProblem]
) -> Evaluation | None:
    """The evaluation where no pair has sclite's counts: by id, if what sclite was given was pasted wrongly."""
    pair, evaluation = scored[0]
    lost = _misplaced(files, pair)
    ours = evaluation.counts
    figures = (
        f"{ours.errors} errors in {ours.reference_length} tokens, where sclite counted {counts.errors} in "
        f"{counts.reference_length}"
    )
    if lost is not None and not pair.pasted:
        reason = (
            f"utterance {lost!r} has the words of another one in it, since the decoding lost some: scored anew by "
            f"utterance id, {figures}"
        )
        problems.append(LocatedProblem(str(files.hypothesis_trn), None, reason))
        return evaluation
    reason = f"its utterances have {figures}: they are not of the same scoring, and were left out"
    problems.append(LocatedProblem(str(pair.source), None, reason))
    return None


def _misplaced(files: TextFiles, pair: _Pair) -> str | None:
    """The first utterance of which `hyp.trn` has other words than were decoded, where some were lost in decoding."""
    if files.hypothesis_trn is None or set(pair.hypotheses) >= set(pair.references):
        return None
    decoded = {_squeezed(text) for text in pair.hypotheses.values()}
    for name, text in _by_utterance(_trn(files.hypothesis_trn), pair.references).items():
        if name not in pair.hypotheses or _squeezed(text) != _squeezed(pair.hypotheses[name]):
            return name if _squeezed(text) in decoded else None
    return None


def _squeezed(text: str) -> str:
    return "".join(text.replace(SPACE, " ").split())


def _pairs(files: TextFiles, metric: str, problems: list[LocatedProblem]) -> Iterator[_Pair]:
    hypotheses: dict[str, str] = {}
    if metric in ("wer", "cer"):
        for path in files.hypotheses:
            hypotheses.update(_texts(path, problems))
    speakers = _speakers(files.speakers)
    if hypotheses and files.references is not None:
        references = _texts(files.references, problems)
        if references:
            yield _Pair(files.hypotheses[0], references, hypotheses, speakers, pasted=False)
    if files.reference_trn is None:
        return
    named = _trn(files.reference_trn, problems)
    references = _by_utterance(named, hypotheses or speakers)
    by_id = {
        **_speakers_of(named, hypotheses or speakers),
        **{key: speakers[key] for key in references if key in speakers},
    }
    if hypotheses and metric == "wer":
        yield _Pair(files.hypotheses[0], references, hypotheses, by_id, pasted=False)
    if files.hypothesis_trn is not None:
        pasted = _by_utterance(_trn(files.hypothesis_trn, problems), hypotheses or speakers)
        if metric == "cer":
            references, pasted = _characters(references), _characters(pasted)
        if references:
            yield _Pair(files.hypothesis_trn, references, pasted, by_id, pasted=True)


def _characters(tokens: Mapping[str, str]) -> dict[str, str]:
    """Texts of which each character stood alone."""
    return {
        name: "".join(" " if token == SPACE else token for token in text.split()) for name, text in tokens.items()
    }  # fmt: skip


def _score(pair: _Pair, metric: str) -> Evaluation:
    from speech_tracker.evaluation import score

    known = {name: pair.speakers[name] for name in pair.references if name in pair.speakers}
    return score(
        pair.references,
        pair.hypotheses,
        unit="char" if metric == "cer" else "word",
        alignment="sclite",
        missing="deletions",
        attributes={"speaker_id": known} if known and len(known) == len(pair.references) else None,
    )


def _same(evaluation: Evaluation, counts: ScoreCounts) -> bool:
    ours = evaluation.counts
    return (ours.substitutions, ours.deletions, ours.insertions, ours.reference_length) == (
        counts.substitutions, counts.deletions, counts.insertions, counts.reference_length
    )  # fmt: skip


def _content(path: Path, problems: list[LocatedProblem] | None = None) -> str:
    try:
        data = path.read_bytes()
    except OSError:  # it may be gone since it was listed
        return ""
    if data.startswith(LFS_POINTER):
        if problems is not None:
            problems.append(LocatedProblem(str(path), None, NOT_FETCHED))
        return ""
    return data.decode("utf-8", "backslashreplace")


def _texts(path: Path, problems: list[LocatedProblem]) -> dict[str, str]:
    parsed = parse_kaldi_text(_content(path, problems))
    problems += [
        LocatedProblem(str(path), each.line_number or None, each.reason, each.text) for each in parsed.problems
    ]
    return {each.utterance_id: each.text for each in parsed.records}


def _trn(path: Path, problems: list[LocatedProblem] | None = None) -> dict[str, str]:
    parsed = parse_trn(_content(path, problems))
    if problems is not None:
        problems += [
            LocatedProblem(str(path), each.line_number or None, each.reason, each.text) for each in parsed.problems
        ]
    return {each.utterance_id: each.text for each in parsed.records}


def _speakers(path: Path | None) -> dict[str, str]:
    return {} if path is None else {each.utterance_id: each.value for each in parse_utt2spk(_content(path)).records}


def _by_utterance(named: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Texts of ``(speaker-utterance)`` by utterance, where the utterances are known."""
    found = set(known)
    return {(_split(name, found) or ("", name))[1]: text for name, text in named.items()}


def _speakers_of(named: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    found = set(known)
    speakers = {}
    for name in named:
        speaker, utterance = _split(name, found) or (speaker_by_sclite(name), name)
        if speaker:
            speakers[utterance] = speaker
    return speakers


def _split(name: str, known: set[str]) -> tuple[str, str] | None:
    """The speaker and the utterance of ``speaker-utterance``; both may have hyphens in them."""
    if name in known:
        return None
    place = name.find("-")
    while place >= 0:
        if name[place + 1 :] in known:
            return name[:place], name[place + 1 :]
        place = name.find("-", place + 1)
    return None
