"""Results as evaluations: one for each test set, checkpoint and method, with the sweep over the search's settings."""

from __future__ import annotations

import difflib
import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from speech_tracker.ingest.found import FoundEvaluation, LocatedProblem, Outcome, Selection, Tally
from speech_tracker.integrations.icefall.names import Settings, is_method_folder, parse_key, parse_suffix
from speech_tracker.integrations.icefall.read import Entry, Tree
from speech_tracker.integrations.icefall.scores import Score
from speech_tracker.integrations.icefall.texts import loader, looks_like_characters, score_recogs

_DEV = re.compile(r"(?:^|[^a-z])(?:dev|valid|val|cv|dt|tuning)(?:\d|[^a-z]|$)", re.IGNORECASE)
_STREAMING = ("chunk_size", "left_context_frames", "right_context")
_SEARCH_PARAMS = ("beam_size", "beam", "max_contexts", "max_states", "context_size", "max_sym_per_frame", "num_paths",
                  "nbest_scale", "max_duration", "blank_penalty", "lm_type", "lm_avg", "lm_epoch", "causal")  # fmt: skip


@dataclass(slots=True)
class _Group:
    """The results of one checkpoint and method on one test set."""

    folder: str
    test_set: str
    settings: Settings
    method: str
    streaming: dict[str, Any]
    scores: list[tuple[Score, dict[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Position:
    """Where checkpoints are in the training.

    Attributes:
        steps: epoch → steps at its end, where that is known.
        models: name → path of the checkpoints on disk, as the user would open them.
    """

    steps: Mapping[int, int]
    models: Mapping[str, str]


def evaluations_of(
    scores: Iterable[Score], run_path: str, tree: Tree, position: Position, *, live: bool
) -> tuple[list[FoundEvaluation], list[LocatedProblem]]:
    """Return the evaluations of an experiment in the order in which they were made, and what is wrong with them.

    The search that is the best on a development set comes last, so that its figures are those of the test set.

    Args:
        scores: see `scores_of`.
        run_path: the experiment, relative to the root.
        tree: for paths.
        position: of its checkpoints.
        live: whether more results may come.
    """
    problems: list[LocatedProblem] = []
    groups: dict[tuple[Any, ...], _Group] = {}
    for score in scores:
        score.test_set = score.test_set.strip() or "test"
        settings = _with_params(parse_suffix(score.suffix), score.params)
        own = {**dict(settings.others), **parse_key(score.key)}
        method = _method(score, settings, own)
        own.pop("method", None)
        if score.key and not parse_key(score.key):
            own["setting"] = score.key
        streaming = {name: own.pop(name) for name in _STREAMING if name in own}
        identity = (
            score.folder, score.test_set, settings.epoch, settings.iteration, settings.average, settings.averaged_model,
            method, tuple(streaming.items()),
        )  # fmt: skip
        group = groups.setdefault(identity, _Group(score.folder, score.test_set, settings, method, streaming))
        group.scores.append((score, own))
    ordered = sorted(groups.values(), key=lambda each: max(score.when or 0.0 for score, _ in each.scores))
    found: list[tuple[_Group, FoundEvaluation]] = []
    for group in ordered:
        evaluation = _evaluation(group, run_path, tree, position, problems, live=live)
        if evaluation is not None:
            found.append((group, evaluation))
    found = [(group, _with_dev_point(group, evaluation, found)) for group, evaluation in found]
    return _chosen_last(found), problems


def _with_params(settings: Settings, params: Mapping[str, Any]) -> Settings:
    """The settings with the checkpoint that the log tells, where the names of the files do not."""
    if settings.epoch is not None or settings.iteration is not None or not params:
        return settings
    epoch, iteration, average = (
        value if isinstance(value := params.get(name), int) and not isinstance(value, bool) and value > 0 else None
        for name in ("epoch", "iter", "avg")
    )
    averaged = settings.averaged_model or params.get("use_averaged_model") is True
    return replace(
        settings,
        epoch=None if iteration is not None else epoch,
        iteration=iteration,
        average=average,
        averaged_model=averaged,
    )


def _method(score: Score, settings: Settings, own: Mapping[str, Any]) -> str:
    last = score.folder.rpartition("/")[2]
    said = score.params.get("decoding_method") or score.params.get("method")
    if isinstance(said, str) and said:
        return said
    return (
        settings.method
        or own.get("method")
        or (last if is_method_folder(last) and last != "streaming" else "")
        or "decode"
    )


def _evaluation(
    group: _Group, run_path: str, tree: Tree, position: Position, problems: list[LocatedProblem], *, live: bool
) -> FoundEvaluation | None:
    metric = _metric(group, tree)
    points: list[tuple[Outcome, Score]] = []
    for score, own in group.scores:
        tally = score.tally
        if score.error_rate is None and score.texts is not None:
            tally = _tally_of_texts(score.texts, metric, tree, problems)
        rate = tally.error_rate if tally is not None else score.error_rate
        if rate is None:
            continue
        settings = dict(own)
        scale = next(
            (settings.pop(name) for name in ("lm_scale", "ngram_lm_scale") if _is_number(settings.get(name))), None
        )
        length = tally.reference_length if tally is not None else None
        points.append((Outcome(score.source, scale, None, rate, length, tally, None, settings), score))
    if not points:
        return None
    points.sort(key=lambda pair: (pair[0].lm_weight or 0.0, repr(sorted(pair[0].settings.items()))))
    best, of_best = min(points, key=lambda pair: pair[0].error_rate or 0.0)
    facts: dict[str, Any] = {"decoded_model": group.settings.checkpoint} if group.settings.checkpoint else {}
    facts.update(of_best.facts)
    if of_best.earlier:
        facts["earlier"] = list(of_best.earlier)
    decoding = _decoding(group, of_best)
    relative = group.folder.removeprefix(run_path).strip("/")
    label = _label(group)
    evaluation = FoundEvaluation(
        key="/".join(part for part in (relative or ".", group.test_set, label, metric) if part),
        path=tree.shown(group.folder),
        test_set=group.test_set,
        metric=metric,
        points=tuple(point for point, _ in points),
        best=best,
        reported=best,
        selection=_selection(group, len(points)),
        rtf=None,
        decoding=decoding,
        facts=facts,
        load=_load(of_best, metric, best.tally, tree) if of_best.texts is not None else None,
        settled=not live or (of_best.texts is not None and all(score.complete for _, score in points)),
        checkpoint=_checkpoint(group.settings, position),
        step=_step(group.settings, position),
    )
    return replace(evaluation, fingerprint=_fingerprint(evaluation))


def _load(score: Score, metric: str, tally: Tally | None, tree: Tree) -> Any:
    assert score.texts is not None
    return loader(tree.root / score.texts.path, tree.shown(score.texts.path), metric, tally)


def _metric(group: _Group, tree: Tree) -> str:
    said = [score.metric for score, _ in group.scores if score.metric]
    if said:
        return "cer" if "cer" in said else said[-1]
    texts = next((score.texts for score, _ in group.scores if score.texts is not None), None)
    return "cer" if texts is not None and looks_like_characters(tree.root / texts.path) else "wer"


def _tally_of_texts(entry: Entry, metric: str, tree: Tree, problems: list[LocatedProblem]) -> Tally | None:
    evaluation = score_recogs(tree.root / entry.path, tree.shown(entry.path), metric, problems)
    if evaluation is None:
        return None
    counts = evaluation.counts
    return Tally(counts.substitutions, counts.deletions, counts.insertions, counts.reference_length)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _decoding(group: _Group, score: Score) -> dict[str, Any]:
    settings = group.settings
    found: dict[str, Any] = {"method": group.method, **group.streaming}
    if settings.iteration is not None:
        found["iteration"] = settings.iteration
    elif settings.epoch is not None:
        found["epoch"] = settings.epoch
    if settings.average is not None:
        found["average"] = settings.average
        if (
            not settings.averaged_model
            and settings.iteration is None
            and settings.epoch is not None
            and settings.average > 1
        ):
            first = max(1, settings.epoch - settings.average + 1)
            found["averaged_from"] = [f"epoch-{epoch}.pt" for epoch in range(first, settings.epoch + 1)]
    if settings.averaged_model or score.params.get("use_averaged_model") is True:
        found["use_averaged_model"] = True
    for name in _SEARCH_PARAMS:
        value = score.params.get(name)
        if value is not None and name not in found and isinstance(value, (int, float, str, bool)):
            found[name] = value
    return found


def _label(group: _Group) -> str:
    settings = group.settings
    parts = [f"iter-{settings.iteration}" if settings.iteration is not None else ""]
    if settings.iteration is None and settings.epoch is not None:
        parts.append(f"epoch-{settings.epoch}")
    if settings.average is not None:
        parts.append(f"avg-{settings.average}")
    if settings.averaged_model:
        parts.append("averaged-model")
    parts.append(group.method)
    parts += [f"{name.replace('_', '-')}-{value}" for name, value in group.streaming.items()]
    return "-".join(part for part in parts if part)


def _selection(group: _Group, count: int) -> Selection:
    which = f" ({group.settings.checkpoint})" if group.settings.checkpoint else ""
    if count == 1:
        return Selection("only-point", "", f"the only setting of {group.method}{which} that was scored")
    sentence = f"the best of {count} settings of {group.method}{which}, picked on {group.test_set} itself"
    return Selection("this-set", "", sentence if _DEV.search(group.test_set) else f"{sentence}, which is optimistic")


def _with_dev_point(
    group: _Group, evaluation: FoundEvaluation, found: Iterable[tuple[_Group, FoundEvaluation]]
) -> FoundEvaluation:
    """Add what the set would have got with the best setting of the development set: the figure without hindsight."""
    if len(evaluation.points) < 2 or _DEV.search(group.test_set):
        return evaluation
    for other, theirs in found:
        alike = (other.folder, other.settings, other.method, other.streaming) == (
            group.folder, group.settings, group.method, group.streaming,
        )  # fmt: skip
        if not alike or theirs.best is None or len(theirs.points) < 2 or not _DEV.search(other.test_set):
            continue
        wanted = (theirs.best.lm_weight, theirs.best.settings)
        point = next((each for each in evaluation.points if (each.lm_weight, each.settings) == wanted), None)
        if point is not None:
            at_dev = {
                "dev_set": other.test_set,
                "lm_weight": point.lm_weight,
                **point.settings,
                "error_rate": point.error_rate,
            }
            changed = replace(evaluation, facts={**evaluation.facts, "at_dev_point": at_dev})
            return replace(changed, fingerprint=_fingerprint(changed))
    return evaluation


def _chosen_last(found: list[tuple[_Group, FoundEvaluation]]) -> list[FoundEvaluation]:
    """Say of the searches of a test set which one is the best on the development set, and put it last."""
    others: list[FoundEvaluation] = []
    chosen: list[FoundEvaluation] = []
    for group, evaluation in found:
        dev = [] if _DEV.search(group.test_set) else _dev_searches(group, evaluation, found)
        best = min(dev, key=lambda pair: _rate(pair[1]), default=None)
        if best is None or len(dev) < 2 or _search_of(best[0]) != _search_of(group):
            others.append(evaluation)
            continue
        sentence = (
            f"{group.method} ({group.settings.checkpoint}) is the best of {len(dev)} searches of {best[0].test_set}"
        )
        if evaluation.selection.how == "this-set":
            sentence += f"; its setting is {evaluation.selection.sentence}"
            chosen.append(replace(evaluation, selection=replace(evaluation.selection, sentence=sentence)))
        else:
            selection = Selection("carried-over", best[1].path, f"{sentence}, carried over")
            chosen.append(replace(evaluation, selection=selection))
    return [*others, *chosen]


def _dev_searches(
    group: _Group, evaluation: FoundEvaluation, found: list[tuple[_Group, FoundEvaluation]]
) -> list[tuple[_Group, FoundEvaluation]]:
    """The searches of the development set whose name is the most alike."""
    dev = [pair for pair in found if _DEV.search(pair[0].test_set) and pair[1].metric == evaluation.metric]
    names = {other.test_set for other, _ in dev}
    if not names:
        return []
    name = max(sorted(names), key=lambda each: difflib.SequenceMatcher(None, each, group.test_set).ratio())
    return [pair for pair in dev if pair[0].test_set == name]


def _search_of(group: _Group) -> tuple[Any, ...]:
    return group.folder, group.settings, group.method, tuple(group.streaming.items())


def _rate(evaluation: FoundEvaluation) -> float:
    rate = evaluation.best.error_rate if evaluation.best is not None else None
    return math.inf if rate is None else rate


def _checkpoint(settings: Settings, position: Position) -> str:
    name = f"checkpoint-{settings.iteration}.pt" if settings.iteration is not None else f"epoch-{settings.epoch}.pt"
    return position.models.get(name, "")


def _step(settings: Settings, position: Position) -> int | None:
    if settings.iteration is not None:
        return settings.iteration
    return position.steps.get(settings.epoch) if settings.epoch is not None else None


def _fingerprint(evaluation: FoundEvaluation) -> str:
    """A digest of the content, the same wherever the folder lies and from wherever it was found."""
    facts = {name: value for name, value in evaluation.facts.items() if name != "earlier"}
    content = (
        [replace(point, source="") for point in evaluation.points],
        (evaluation.selection.how, evaluation.selection.sentence, evaluation.test_set, evaluation.metric),
        sorted((name, repr(value)) for name, value in evaluation.decoding.items()),
        sorted((name, repr(value)) for name, value in facts.items()),
        [each["error_rate"] for each in evaluation.facts.get("earlier", ())],
        evaluation.load is not None,
    )
    return hashlib.blake2b(repr(content).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
