"""Several decodings of a test set: which of them is reported, and the table of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from speech_tracker.ingest.found import FoundEvaluation, FoundTable, Selection
from speech_tracker.integrations.kaldi.test_sets import is_dev


def chosen(found: list[FoundEvaluation]) -> list[FoundEvaluation]:
    """Return evaluations with how they were chosen among several decodings of a set, the chosen one of each set last."""
    groups = _grouped(found)
    result: list[FoundEvaluation] = []
    for (metric, test_set), group in groups.items():
        if len(group) == 1:
            result += group
            continue
        source = None if is_dev(test_set) else _dev_of(groups, metric)
        result += sorted(_selected(group, source), key=lambda each: each.selection.how != "only-point")
    order = {test_set: place for place, test_set in enumerate(dict.fromkeys(each.test_set for each in found))}
    return sorted(result, key=lambda each: order[each.test_set])


def _grouped(found: Iterable[FoundEvaluation]) -> dict[tuple[str, str], list[FoundEvaluation]]:
    """Evaluations that compare: of one set, by one metric; BLEU with and without letter case are two metrics."""
    groups: dict[tuple[str, str], list[FoundEvaluation]] = {}
    for each in found:
        metric = f"{each.metric}_cased" if each.facts.get("letter_case") == "kept" else each.metric
        groups.setdefault((metric, each.test_set), []).append(each)
    return groups


def _rate(evaluation: FoundEvaluation) -> float:
    rate = evaluation.reported.error_rate if evaluation.reported is not None else None
    if rate is not None:
        return rate
    return -max(evaluation.values.values(), default=float("-inf"))  # of BLEU, the more the better


def _dev_of(groups: dict[tuple[str, str], list[FoundEvaluation]], metric: str) -> FoundEvaluation | None:
    """The best decoding of the first development set."""
    for (other, test_set), group in groups.items():
        if other == metric and is_dev(test_set):
            return min(group, key=_rate)
    return None


def _selected(group: list[FoundEvaluation], source: FoundEvaluation | None) -> Iterable[FoundEvaluation]:
    """The decodings of a set with how they stand to one another; `source` is the best one of the development set."""
    tag = source.facts.get("inference") if source is not None else None
    carried = source is not None and any(each.facts.get("inference") == tag for each in group)
    best = min(group, key=_rate)
    for each in group:
        own = each.facts.get("inference") or "it"
        if source is not None and carried and each.facts.get("inference") == tag:
            sentence = f"{own} is the best of {len(group)} decodings of {source.test_set}, carried over"
            yield replace(each, selection=Selection("carried-over", source.path, sentence))
        elif not carried and each is best:
            sentence = f"{own} is the best of {len(group)} decodings of this very set: optimistic"
            yield replace(each, selection=Selection("this-set", "", sentence))
        else:
            yield replace(each, selection=Selection("only-point", "", f"{own} is one of {len(group)} decodings"))


def sweeps(found: Iterable[FoundEvaluation]) -> Iterable[FoundTable]:
    """Yield a table of the decodings of each test set that was decoded in several ways; rates are fractions."""
    for (metric, test_set), group in _grouped(found).items():
        if len(group) < 2:
            continue
        settings = tuple(dict.fromkeys(name for each in group for name in each.decoding))
        rows = []
        for each in sorted(group, key=lambda each: each.key):
            point = each.reported
            value = point.error_rate if point is not None else next(iter(each.values.values()), None)
            length = point.reference_length if point is not None else None
            rows.append(
                (each.facts.get("inference"), *(each.decoding.get(name) for name in settings), value, length, each.rtf)
            )
        yield FoundTable(
            f"decode/{test_set}/{metric}", ("inference", *settings, metric, "reference_length", "rtf"), tuple(rows)
        )  # fmt: skip
