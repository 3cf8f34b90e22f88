"""Decode folders as evaluations: the sweep, how its reported point was chosen, speed, and the utterances behind it."""

from __future__ import annotations

import difflib
import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from speech_tracker.ingest.found import FoundEvaluation, LocatedProblem, Outcome, Selection
from speech_tracker.integrations.kaldi.align_logs import LogLikelihood
from speech_tracker.integrations.kaldi.decode_logs import (
    BestPathCost,
    Decoded,
    DecodedOnline,
    DecodeTime,
    LatticeDepth,
    OfflineTime,
    OnlineTime,
    OracleErrors,
    UndecodedUtterance,
)
from speech_tracker.integrations.kaldi.details import loader
from speech_tracker.integrations.kaldi.folders import DecodeFolder
from speech_tracker.integrations.kaldi.job_headers import JobHeader
from speech_tracker.integrations.kaldi.sweeps import Sweep, is_tie, sweeps_of
from speech_tracker.integrations.kaldi.test_sets import is_dev, test_set_of
from speech_tracker.integrations.kaldi.walk import Tree
from speech_tracker.integrations.kaldi.wer_details import ConfidenceInterval

_SEARCH_OPTIONS = {
    "beam": "beam",
    "lattice-beam": "lattice_beam",
    "max-active": "max_active",
    "min-active": "min_active",
    "acoustic-scale": "acoustic_scale",
    "frames-per-chunk": "frames_per_chunk",
    "extra-left-context": "extra_left_context",
    "extra-right-context": "extra_right_context",
    "frame-subsampling-factor": "frame_subsampling_factor",
    "online": "online",
}
_MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class _Draft:
    """An evaluation before its siblings have been looked at."""

    decode: DecodeFolder
    sweep: Sweep | None
    test_set: str
    settled: bool


def evaluations_of(
    decodes: Iterable[DecodeFolder], run_path: str, tree: Tree, *, live: bool
) -> tuple[list[FoundEvaluation], list[LocatedProblem]]:
    """Return the evaluations of a model, and what is wrong with its decode folders.

    Args:
        decodes: its decode folders.
        run_path: the model folder, relative to the root.
        tree: for paths.
        live: whether the experiment goes on, so that scoring may not be done.
    """
    drafts: list[_Draft] = []
    problems: list[LocatedProblem] = []
    for decode in decodes:
        sweeps, wrong = sweeps_of(decode.files, tree)
        problems += wrong
        name = decode.path.rpartition("/")[2] or tree.root.absolute().name
        test_set = test_set_of(name, decode.files)
        settled = not live or _is_scored(decode)
        if not sweeps and _was_searched(decode):
            drafts.append(_Draft(decode, None, test_set, settled))
        for sweep in sweeps:
            shown = f"{test_set}/{sweep.subset}" if sweep.subset else test_set
            drafts.append(_Draft(decode, sweep, shown, settled))
    evaluations = []
    for draft in drafts:
        selection, reported = _selection(draft, drafts, tree, problems)
        evaluations.append(_evaluation(draft, selection, reported, drafts, run_path, tree))
    _mark_selected(evaluations)
    return evaluations, problems


def _mark_selected(evaluations: list[FoundEvaluation]) -> None:
    """Say which decode folder of each test set stands for it in a summary: the one with the fewest errors.

    A set is decoded with several language models, before and after adaptation, and all of it is of the same model.
    """
    best: dict[tuple[str, str], FoundEvaluation] = {}
    for each in evaluations:
        key = (each.test_set, each.metric)
        if _rank(each) < (_rank(best[key]) if key in best else (True, math.inf)):
            best[key] = each
    for each in evaluations:
        if each.reported is not None:
            each.facts["selected"] = any(each is one for one in best.values())


def _rank(evaluation: FoundEvaluation) -> tuple[bool, float]:
    reported = evaluation.reported
    if reported is None or reported.error_rate is None:
        return True, math.inf
    return reported.partial, reported.error_rate


def _is_scored(decode: DecodeFolder) -> bool:
    kinds = {file.entry.role.kind for file in decode.files}
    return "best" in kinds or "sys" in kinds


def _was_searched(decode: DecodeFolder) -> bool:
    return any(
        isinstance(record, (JobHeader, Decoded, DecodedOnline, LogLikelihood))
        for file in decode.files
        if file.entry.role.stem.startswith("decode")
        for record in file.records
    )


def _selection(
    draft: _Draft, drafts: list[_Draft], tree: Tree, problems: list[LocatedProblem]
) -> tuple[Selection, Outcome | None]:
    """How the reported point was chosen, and which it is."""
    sweep = draft.sweep
    best = sweep.best if sweep is not None else None
    if sweep is None or best is None:
        return Selection("only-point", "", "nothing was scored"), None
    recorded = None
    if sweep.recorded is not None:
        recorded = sweep.at(sweep.recorded.lm_weight, sweep.recorded.word_insertion_penalty)
    reported = recorded if recorded is not None and not is_tie(recorded, best) else best
    tuned = _tuned_elsewhere(draft, drafts, reported)
    if reported is not best and tuned is None:
        reason = (
            f"names {_setting(reported)} as the best point, but {_setting(best)} has fewer errors; the files are taken"
        )
        where = sweep.recorded_in or draft.decode.path
        problems.append(LocatedProblem(tree.shown(where), 1 if sweep.recorded_in else None, reason))
        reported = best
    if reported is not best or (len(sweep.points) == 1 and tuned is not None):
        source = tree.shown(tuned.decode.path) if tuned is not None else ""
        name = tuned.test_set if tuned is not None else ""
        return Selection("carried-over", source, f"carried over from {name}, where it is the best point"), reported
    if len(sweep.points) == 1:
        return Selection("only-point", "", "the only point that was scored"), best
    number = len(sweep.points)
    sentence = f"the best of {number} points, picked on {draft.test_set} itself, which is optimistic"
    if is_dev(draft.test_set):
        sentence = f"the best of {number} points, picked on {draft.test_set} itself"
    return Selection("this-set", "", sentence), best


def _setting(point: Outcome) -> str:
    penalty = "" if point.word_insertion_penalty is None else f", penalty {point.word_insertion_penalty:g}"
    return f"LM weight {point.lm_weight:g}{penalty}" if point.lm_weight is not None else "an unknown setting"


def _tuned_elsewhere(draft: _Draft, drafts: list[_Draft], point: Outcome) -> _Draft | None:
    """The development set of the same model whose best point has this setting, the most alike by name."""
    if is_dev(draft.test_set):
        return None
    candidates = []
    for other in _dev_siblings(draft, drafts):
        best = other.sweep.best if other.sweep is not None else None
        if best is None or other.sweep is None or len(other.sweep.points) < 2:
            continue
        same = other.sweep.at(point.lm_weight, point.word_insertion_penalty)
        if same is not None and is_tie(same, best):
            candidates.append(other)
    return candidates[0] if candidates else None


def _dev_siblings(draft: _Draft, drafts: list[_Draft]) -> list[_Draft]:
    found = [
        other
        for other in drafts
        if other is not draft
        and other.sweep is not None
        and draft.sweep is not None
        and other.sweep.metric == draft.sweep.metric
        and is_dev(other.test_set)
    ]

    def likeness(other: _Draft) -> float:
        return difflib.SequenceMatcher(None, other.decode.path, draft.decode.path).ratio()

    return sorted(found, key=likeness, reverse=True)


def _evaluation(
    draft: _Draft, selection: Selection, reported: Outcome | None, drafts: list[_Draft], run_path: str, tree: Tree
) -> FoundEvaluation:
    sweep, decode = draft.sweep, draft.decode
    decoding, facts, rtf = _search(decode)
    metric = sweep.metric if sweep is not None else "wer"
    if selection.how == "this-set" and sweep is not None and not is_dev(draft.test_set):
        facts.update(_at_dev_point(draft, drafts, tree))
    relative = decode.path.removeprefix(run_path).strip("/")
    # what else tells the same set apart that was rescored with another language model, or decoded before adaptation
    decoding = {"folder": relative or (decode.path or str(tree.root.absolute())).rpartition("/")[2], **decoding}
    subset = sweep.subset if sweep is not None else ""
    evaluation = FoundEvaluation(
        key="/".join(part for part in (relative or ".", metric, subset) if part),
        path=tree.shown(decode.path),
        test_set=draft.test_set,
        metric="cer" if metric == "cer" else "wer",
        points=sweep.points if sweep is not None else (),
        best=sweep.best if sweep is not None else None,
        reported=reported,
        selection=selection,
        rtf=rtf,
        decoding=decoding,
        facts=facts,
        load=loader(decode, reported, metric, tree) if reported is not None and not subset else None,
        settled=draft.settled,
    )
    return replace(evaluation, fingerprint=_fingerprint(evaluation))


def _at_dev_point(draft: _Draft, drafts: list[_Draft], tree: Tree) -> dict[str, Any]:
    """What the set would have got with the development set's best setting: the figure without hindsight."""
    for other in _dev_siblings(draft, drafts):
        best = other.sweep.best if other.sweep is not None else None
        if best is None or draft.sweep is None:
            continue
        point = draft.sweep.at(best.lm_weight, best.word_insertion_penalty)
        if point is not None:
            return {
                "at_dev_point": {
                    "dev_set": other.test_set,
                    "path": tree.shown(other.decode.path),
                    "lm_weight": point.lm_weight,
                    "word_insertion_penalty": point.word_insertion_penalty,
                    "error_rate": point.error_rate,
                    "errors": None if point.tally is None else point.tally.errors,
                }
            }
    return {}


def _search(decode: DecodeFolder) -> tuple[dict[str, Any], dict[str, Any], float | None]:
    """Settings of the search, what its logs say of it, and its real-time factor over all jobs."""
    decoding: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    processing = audio = likelihood = frames = 0.0
    done = failed = 0
    online: list[tuple[float, float]] = []
    undecoded: dict[str, list[str]] = {}
    for file in decode.files:
        if file.entry.role.kind == "bootstrap":
            facts.update(_interval(file.records))
        if file.entry.role.kind != "log":
            continue
        job_frames = sum(record.frames for record in file.records if isinstance(record, LogLikelihood))
        first_pass = file.entry.role.stem.startswith("decode")
        for record in file.records:
            if isinstance(record, JobHeader) and first_pass and not decoding:
                decoding = _settings(record)
            elif isinstance(record, DecodeTime) and record.rtf > 0:
                processing += record.seconds
                audio += record.seconds / record.rtf
            elif isinstance(record, OfflineTime):
                processing += record.seconds
                audio += record.audio_seconds
            elif isinstance(record, OnlineTime):
                online.append((record.rtf, job_frames or 1.0))
            elif isinstance(record, (Decoded, DecodedOnline)) and first_pass:
                done, failed = done + record.done, failed + record.failed
            elif isinstance(record, LogLikelihood) and first_pass:
                likelihood += record.log_likelihood_per_frame * record.frames
                frames += record.frames
            elif isinstance(record, UndecodedUtterance):
                undecoded.setdefault(record.what, []).append(record.utterance_id)
            elif isinstance(record, LatticeDepth):
                facts["lattice_depth"] = record.mean
            elif isinstance(record, BestPathCost):
                facts.setdefault("best_path_cost_per_frame", record.cost_per_frame)
            elif isinstance(record, OracleErrors) and record.reference_length:
                facts["oracle_error_rate"] = record.errors / record.reference_length
    if frames:
        facts["log_likelihood_per_frame"] = likelihood / frames
        facts["frames"] = frames
    if done or failed:
        facts["utterances_decoded"], facts["utterances_failed"] = done, failed
    if undecoded:
        facts["undecoded"] = {what: names[:_MOST_NAMED] for what, names in undecoded.items()}
    if audio:
        return decoding, facts, processing / audio
    if online:
        facts["rtf_includes_waiting"] = True
        return decoding, facts, sum(rtf * weight for rtf, weight in online) / sum(weight for _, weight in online)
    return decoding, facts, None


def _settings(header: JobHeader) -> dict[str, Any]:
    options = dict(header.options)
    decoding: dict[str, Any] = {"decoder": header.programs[0] if header.programs else None}
    for option, name in _SEARCH_OPTIONS.items():
        if option in options:
            decoding[name] = _typed(options[option])
    graph = next((folder for folder in header.folders if "graph" in folder.rstrip("/").rpartition("/")[2]), None)
    if graph is not None:
        decoding["graph"] = graph.rstrip("/")
    return decoding


def _typed(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return {"true": True, "false": False}.get(text, text)
    return int(value) if value.is_integer() and "." not in text else value


def _interval(records: Iterable[Any]) -> dict[str, Any]:
    for record in records:
        if isinstance(record, ConfidenceInterval):
            return {"kaldi_interval": {"low": record.low, "high": record.high, "level": 0.95, "blocks": "utterance"}}
    return {}


def _fingerprint(evaluation: FoundEvaluation) -> str:
    """A digest of the content, the same wherever the folder lies and from wherever it was found.

    Behind the ``-`` stands the digest of what other decode folders have a part in.
    """
    facts = {name: value for name, value in evaluation.facts.items() if name not in ("at_dev_point", "selected")}
    at_dev_point = evaluation.facts.get("at_dev_point", {})
    own = (
        [replace(point, source="") for point in evaluation.points],
        (evaluation.rtf, evaluation.test_set),
        sorted(evaluation.decoding.items()),
        sorted(facts.items()),
    )
    chosen = (
        evaluation.reported and replace(evaluation.reported, source=""),
        (evaluation.selection.how, evaluation.selection.sentence),
        sorted((name, value) for name, value in at_dev_point.items() if name != "path"),
    )
    return "-".join(hashlib.blake2b(repr(each).encode(), digest_size=8).hexdigest() for each in (own, chosen))
