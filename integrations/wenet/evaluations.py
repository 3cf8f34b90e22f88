"""WeNet's decode folders as evaluations: one for each test set and mode, with the sweep over the options of its name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from speech_tracker.ingest.found import FoundEvaluation, LocatedProblem, Outcome, Selection, Tally
from speech_tracker.integrations.wenet.names import DecodeName, parse_decode_name
from speech_tracker.integrations.wenet.read import Entry, ReadFile, Tree
from speech_tracker.integrations.wenet.sdk_logs import DecoderFigure, ModelFact
from speech_tracker.integrations.wenet.texts import Metric, loader, metric_of
from speech_tracker.integrations.wenet.wer_files import Overall, UtteranceCount

_DEV = re.compile(r"(?:^|[^a-z])(?:dev|valid|val|cv)(?:\d|[^a-z]|$)", re.IGNORECASE)


@dataclass(slots=True)
class DecodeFolder:
    """A folder with the results of a search.

    Attributes:
        path: relative to the root.
        wer: its scores.
        rtf: its speed, where it was measured.
        logs: of the decoder.
        text: hypotheses.
    """

    path: str
    wer: list[ReadFile] = field(default_factory=list)
    rtf: ReadFile | None = None
    logs: list[ReadFile] = field(default_factory=list)
    text: Entry | None = None

    @property
    def name(self) -> str:
        """Of the folder itself."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class _Scored:
    decode: DecodeFolder
    file: ReadFile
    name: DecodeName
    tally: Tally
    metric: Metric
    groups: tuple[Overall, ...]


def evaluations_of(
    decodes: Iterable[DecodeFolder],
    run_path: str,
    tree: Tree,
    average: tuple[str, int] | None,
    settings: Mapping[str, Any],
    *,
    live: bool,
) -> tuple[list[FoundEvaluation], list[LocatedProblem]]:
    """Return the evaluations of an experiment, and what is wrong with them.

    Args:
        decodes: its decode folders.
        run_path: the experiment, relative to the root.
        tree: for paths.
        average: path and number of checkpoints of the averaged model, where there is only one.
        settings: of the search, from the configuration.
        live: whether the experiment goes on, so that a file may not be whole.
    """
    problems: list[LocatedProblem] = []
    groups: dict[tuple[str, str, Any, Metric], list[_Scored]] = {}
    found: list[FoundEvaluation] = []
    for decode in decodes:
        scored = [each for file in decode.wer if (each := _scored(decode, file, tree, problems)) is not None]
        for each in scored:
            options = dict(each.name.options)
            key = (each.name.test_set, each.name.mode, options.get("chunk_size"), each.metric)
            groups.setdefault(key, []).append(each)
        if not decode.wer and (decode.text is not None or decode.logs):
            found.append(_unscored(decode, run_path, tree))
    for (test_set, mode, chunk, metric), members in groups.items():
        points = [(_outcome(each), each) for each in members]
        best, of_best = min(points, key=lambda pair: pair[0].error_rate or 0.0)
        rtf, figures = _speed(of_best.decode)
        decoding: dict[str, Any] = {"method": mode, **settings}
        if chunk is not None:
            decoding["chunk_size"] = chunk
        if average is not None:
            decoding["average"] = average[1]
        facts: dict[str, Any] = {"scorer": "compute-wer.py", **figures}
        if len(of_best.groups) > 2:
            facts["scripts"] = {each.group: _group_rate(each) for each in of_best.groups if each.group != "Overall"}
        path = of_best.file.entry.path
        label = "-".join(str(part) for part in (mode, *(("chunk", chunk) if chunk is not None else ())))
        evaluation = FoundEvaluation(
            key=f"{test_set}/{label}/{metric}",
            path=tree.shown(of_best.decode.path),
            test_set=test_set,
            metric=metric,
            points=tuple(point for point, _ in points),
            best=best,
            reported=best,
            selection=_selection(test_set, mode, len(points)),
            rtf=rtf,
            decoding=decoding,
            facts=facts,
            load=loader(tree.root / path, tree.shown(path), metric, best.tally) if best.tally is not None else None,
            settled=not live or bool(of_best.groups),
            checkpoint=average[0] if average is not None else "",
        )
        found.append(replace(evaluation, fingerprint=_fingerprint(evaluation)))
    return found, problems


def _scored(decode: DecodeFolder, file: ReadFile, tree: Tree, problems: list[LocatedProblem]) -> _Scored | None:
    totals = [each for each in file.records if isinstance(each, Overall)]
    overall = next((each for each in totals if each.group == "Overall"), None)
    shown = tree.shown(file.entry.path)
    if overall is None:
        if not file.problems:
            problems.append(LocatedProblem(shown, None, "no line `Overall -> …`: the scoring did not come to its end"))
        return None
    if not overall.reference_length:
        problems.append(LocatedProblem(shown, overall.line_number, "nothing was compared: no id is in both files"))
        return None
    count = next((each for each in file.records if isinstance(each, UtteranceCount)), None)
    tally = Tally(
        overall.substitutions,
        overall.deletions,
        overall.insertions,
        overall.reference_length,
        count.utterances if count is not None else None,
        count.with_errors if count is not None else None,
    )
    last = file.entry.name.partition("_")[2]
    name = parse_decode_name(last) or parse_decode_name(decode.name) or DecodeName("test", decode.name or "decode", ())
    return _Scored(decode, file, name, tally, metric_of(totals), tuple(totals))


def _outcome(scored: _Scored) -> Outcome:
    settings = {name: value for name, value in scored.name.options if name != "chunk_size"}
    tally = scored.tally
    return Outcome(scored.file.entry.path, None, None, tally.error_rate, tally.reference_length, tally, None, settings)


def _group_rate(group: Overall) -> dict[str, Any]:
    errors = group.substitutions + group.deletions + group.insertions
    length = group.reference_length
    return {"error_rate": errors / length if length else None, "reference_length": length}


def _selection(test_set: str, mode: str, count: int) -> Selection:
    if count == 1:
        return Selection("only-point", "", f"the only setting of {mode} that was scored")
    sentence = f"the best of {count} settings of {mode}, picked on {test_set} itself"
    return Selection("this-set", "", sentence if _DEV.search(test_set) else f"{sentence}, which is optimistic")


def _speed(decode: DecodeFolder) -> tuple[float | None, dict[str, Any]]:
    """The real-time factor of a decode folder, and what else its decoder printed."""
    figures: dict[str, float] = {}
    facts: dict[str, int] = {}
    rates: list[float] = []
    for file in decode.logs:
        for record in file.records:
            if isinstance(record, DecoderFigure):
                if record.name == "rtf":
                    rates.append(record.value)
                else:
                    figures[record.name] = figures.get(record.name, 0.0) + record.value
            elif isinstance(record, ModelFact):
                facts[record.name] = record.value
    audio, wall = figures.get("audio_sec"), figures.get("wall_sec")
    rtf = wall / audio if audio and wall is not None else sum(rates) / len(rates) if rates else None
    if rtf is None and decode.rtf is not None:
        rtf = next((each.value for each in decode.rtf.records if isinstance(each, DecoderFigure)), None)
    more: dict[str, Any] = {"model": facts} if facts else {}
    names = {
        "decoded_utterances": "utterances_decoded", "failed_utterances": "utterances_failed",
        "audio_sec": "audio_seconds", "wall_sec": "decoding_seconds",
    }  # fmt: skip
    more.update((ours, figures[theirs]) for theirs, ours in names.items() if theirs in figures)
    return rtf, more


def _unscored(decode: DecodeFolder, run_path: str, tree: Tree) -> FoundEvaluation:
    """A search of which nobody has compared the hypotheses with anything; its speed is known at most."""
    rtf, facts = _speed(decode)
    logs = [file.entry.name.rpartition(".")[0] for file in decode.logs]
    label = decode.name if decode.text is not None or not logs else logs[0]
    name = parse_decode_name(label) or DecodeName("test", label, ())
    relative = decode.path.removeprefix(run_path).strip("/")
    evaluation = FoundEvaluation(
        key=f"{relative or '.'}/{label}/unscored",
        path=tree.shown(decode.path),
        test_set=name.test_set,
        metric="wer",
        points=(),
        best=None,
        reported=None,
        selection=Selection("only-point", "", "nothing was scored"),
        rtf=rtf,
        decoding={"method": name.mode, **dict(name.options)},
        facts=facts,
        checkpoint="",
        values={"rtf": rtf} if rtf is not None else {},
    )
    return replace(evaluation, fingerprint=_fingerprint(evaluation))


def _fingerprint(evaluation: FoundEvaluation) -> str:
    """A digest of the content, the same wherever the folder lies and from wherever it was found."""
    content = (
        [replace(point, source="") for point in evaluation.points],
        (evaluation.selection.how, evaluation.selection.sentence, evaluation.test_set, evaluation.metric),
        evaluation.rtf,
        sorted((name, repr(value)) for name, value in evaluation.decoding.items()),
        sorted((name, repr(value)) for name, value in evaluation.facts.items()),
    )
    return hashlib.blake2b(repr(content).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
