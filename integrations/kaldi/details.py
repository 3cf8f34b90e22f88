"""The utterances behind a reported point: from `per_utt`, else from the filtered texts that Kaldi scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.found import LocatedProblem, Outcome
from speech_tracker.integrations.kaldi.data_folder import Row, parse_speakers, parse_table
from speech_tracker.integrations.kaldi.folders import DecodeFolder
from speech_tracker.integrations.kaldi.job_headers import JobHeader
from speech_tracker.integrations.kaldi.resolve import find_data
from speech_tracker.integrations.kaldi.walk import Entry, Tree
from speech_tracker.integrations.kaldi.wer_details import SingleNumber, UtteranceResult, parse_per_utt

if TYPE_CHECKING:
    from speech_tracker.evaluation import Evaluation

Load = Callable[[list[LocatedProblem]], "Evaluation | None"]


def loader(decode: DecodeFolder, point: Outcome, metric: str, tree: Tree) -> Load | None:
    """Return a function that scores the utterances of a point again, or None when there are no texts of it.

    Kaldi's `per_utt` is made by another program than its ``%WER`` line, with another choice between equally good
    alignments. So the texts are aligned as `compute-wer` does, and the counts must be those of the scoring file: where
    they are not, that is a problem, and no utterances are given.
    """
    per_utt = _per_utt(decode, point, metric)
    texts = None if per_utt is not None else _texts(decode, point, metric)
    if per_utt is None and texts is None:
        return None

    def load(problems: list[LocatedProblem]) -> Evaluation | None:
        if per_utt is not None:
            references, hypotheses = _from_per_utt(per_utt, tree, problems)
            source = tree.shown(per_utt.path)
        else:
            assert texts is not None
            references, hypotheses = (_from_text(each, tree, problems) for each in texts)
            source = tree.shown(texts[1].path)
        return _scored(references, hypotheses, point, metric, source, _speakers(decode, tree), problems)

    return load


def _per_utt(decode: DecodeFolder, point: Outcome, metric: str) -> Entry | None:
    """The `per_utt` file, if it is about this point."""
    entry = next(
        (each for each in decode.others if each.name == "per_utt" and each.folder.endswith(f"{metric}_details")), None
    )
    if entry is None:
        return None
    setting = {
        file.entry.name: record.value
        for file in decode.files
        if file.entry.folder == entry.folder and file.entry.role.kind == "number"
        for record in file.records
        if isinstance(record, SingleNumber)
    }
    is_about = setting.get("lmwt") == point.lm_weight and setting.get("wip", 0.0) == (
        point.word_insertion_penalty or 0.0
    )
    return entry if is_about else None


def _texts(decode: DecodeFolder, point: Outcome, metric: str) -> tuple[Entry, Entry] | None:
    """References and hypotheses of this point, as they were filtered for scoring."""
    if point.lm_weight is None:
        return None
    characters = ".chars" if metric == "cer" else ""
    reference = hypothesis = None
    for entry in decode.others:
        last = entry.folder.rpartition("/")[2]
        if entry.name == f"test_filt{characters}.txt":
            reference = entry
        elif entry.name == f"{point.lm_weight:g}{characters}.txt" and last.startswith("penalty_"):
            try:
                if float(last.removeprefix("penalty_")) == (point.word_insertion_penalty or 0.0):
                    hypothesis = entry
            except ValueError:
                continue
    return None if reference is None or hypothesis is None else (reference, hypothesis)


def _from_per_utt(entry: Entry, tree: Tree, problems: list[LocatedProblem]) -> tuple[dict[str, str], dict[str, str]]:
    references: dict[str, str] = {}
    hypotheses: dict[str, str] = {}
    for each in parse_per_utt(content_of(tree.root / entry.path, tree.shown(entry.path), problems)):
        if isinstance(each, Problem):
            problems.append(located(each, tree.shown(entry.path)))
        elif isinstance(each, UtteranceResult) and each.reference is not None and each.hypothesis is not None:
            references[each.utterance_id] = " ".join(each.reference)
            hypotheses[each.utterance_id] = " ".join(each.hypothesis)
    return references, hypotheses


def _from_text(entry: Entry, tree: Tree, problems: list[LocatedProblem]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for each in parse_table(content_of(tree.root / entry.path, tree.shown(entry.path), problems)):
        if isinstance(each, Row):
            texts[each.key] = each.value
        elif "sorted" not in each.reason:  # the order of a text means nothing
            problems.append(located(each, tree.shown(entry.path)))
    return texts


def _scored(
    references: Mapping[str, str],
    hypotheses: Mapping[str, str],
    point: Outcome,
    metric: str,
    source: str,
    speakers: Mapping[str, str],
    problems: list[LocatedProblem],
) -> Evaluation | None:
    from speech_tracker.evaluation import score

    if not references:
        return None
    known = {utterance: speakers[utterance] for utterance in references if utterance in speakers}
    if metric == "cer":  # Kaldi writes the characters apart
        references = {utterance: text.replace(" ", "") for utterance, text in references.items()}
        hypotheses = {utterance: text.replace(" ", "") for utterance, text in hypotheses.items()}
    evaluation = score(
        references,
        hypotheses,
        unit="char" if metric == "cer" else "word",
        alignment="kaldi",
        missing="skip",
        attributes={"speaker_id": known} if len(known) == len(references) else None,
    )
    counts, tally = evaluation.counts, point.tally
    if tally is not None and (counts.substitutions, counts.deletions, counts.insertions, counts.reference_length) != (
        tally.substitutions,
        tally.deletions,
        tally.insertions,
        tally.reference_length,
    ):
        reason = (
            f"its utterances have {counts.errors} errors in {counts.reference_length} tokens, the scoring file "
            f"{tally.errors} in {tally.reference_length}: they are not of the same scoring, and were left out"
        )
        problems.append(LocatedProblem(source, None, reason))
        return None
    return evaluation


def _speakers(decode: DecodeFolder, tree: Tree) -> dict[str, str]:
    """Speakers of the utterances, from the data folder that the jobs name."""
    for file in decode.files:
        for record in file.records:
            if not isinstance(record, JobHeader):
                continue
            for folder in record.folders:
                data = find_data(folder, tree.root / decode.path)
                if data is not None and (data / "utt2spk").is_file():
                    return parse_speakers(content_of(data / "utt2spk"))  # what is wrong with it is told with the data
    return {}


def content_of(path: Path, shown: str = "", problems: list[LocatedProblem] | None = None) -> bytes:
    """Return a file's bytes, none where it cannot be read.

    Args:
        path: the file; it may be gone since it was listed, which is no problem.
        shown: its path as the user would open it.
        problems: takes why it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        if problems is not None:
            problems.append(LocatedProblem(shown, None, f"cannot be read: {error.strerror or error}"))
        return b""


def located(problem: Problem, path: str) -> LocatedProblem:
    """Return a parser's problem with the file that it is in."""
    return LocatedProblem(path, problem.line_number or None, problem.reason, problem.text)
