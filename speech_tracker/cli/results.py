"""The evaluations of a run as a table: error rates with their certainty, per test set and decoding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from speech_tracker.catalog.measure import rates_of
from speech_tracker.cli.document import Cell, Table
from speech_tracker.evaluation_record import RATE_NAMES
from speech_tracker.metrics import metric, show_value

_SHOWN = 12  # decodings of one test set


def results_table(evaluations: Sequence[Mapping[str, Any]], *, everything: bool) -> list[Table]:
    """Return a table of error rates and one of what other tasks measured, each only where there is something."""
    scored = [each for each in evaluations if "counts" in each]
    other = [each for each in evaluations if "counts" not in each]
    tables = []
    if scored:
        tables.append(_error_rates(scored, everything))
    if other:
        rows = [
            [Cell(str(each["test_set"])), Cell(_decoding(each)), Cell(metric(name).title), Cell(show_value(name, value), "bold")]
            for each in other for name, value in rates_of(dict(each)).items()
        ]  # fmt: skip
        tables.append(Table("Results", ("test set", "decoding", "measure", ">value"), rows))
    return tables


def _error_rates(evaluations: Sequence[Mapping[str, Any]], everything: bool) -> Table:
    best: dict[tuple[str, str], float] = {}
    for each in evaluations:
        rate = each.get("error_rate")
        if isinstance(rate, (int, float)):
            key = (str(each["test_set"]), str(each.get("unit")))
            best[key] = min(rate, best.get(key, rate))
    rows: list[list[Cell]] = []
    below: list[str] = []
    seen: dict[str, int] = {}
    left_out = 0
    # a validation that is scored epoch after epoch: the last one is what people want to see
    last = {_setting(each): place for place, each in enumerate(evaluations)}
    for place, each in enumerate(evaluations):
        name, unit = str(each["test_set"]), str(each.get("unit"))
        if last[_setting(each)] != place and not everything:
            left_out += 1
            continue
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > _SHOWN and not everything:
            left_out += 1
            continue
        rate_name = RATE_NAMES.get(unit, "error_rate")
        rate = each.get("error_rate")
        counts = each["counts"]
        is_best = rate is not None and rate == best.get((name, unit))
        rows.append([
            Cell(name), Cell(_decoding(each)), Cell(metric(rate_name).title),
            Cell(show_value("error_rate", rate), "bold green" if is_best else "bold"), Cell(_interval(each, rate_name)),
            Cell("/".join(f"{counts.get(key, 0):,}" for key in ("substitutions", "deletions", "insertions"))),
            Cell(f"{each.get('reference_length', 0):,}"), Cell(show_value("ser", each.get("sentence_error_rate"))),
            Cell(f"{counts.get('utterances', 0):,}"),
        ])  # fmt: skip
        speakers = _speakers(each)
        if speakers:
            below.append(f"{name}: {speakers}")
        below += [f"{name}: {problem}" for problem in each.get("problems", [])[: None if everything else 3]]
    below = [*dict.fromkeys(filter(None, map(_method, evaluations))), *below]
    if left_out:
        below.append(f"{left_out} more with --all")
    columns = ("test set", "decoding", "rate", ">value", "interval", ">sub/del/ins", ">reference", ">SER",
               ">utterances")  # fmt: skip
    return Table("Results", columns, rows, below, spare=("utterances", "reference", "SER", "sub/del/ins"))


def _setting(evaluation: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(evaluation["test_set"]), str(evaluation.get("unit")), _decoding(evaluation)


def _interval(evaluation: Mapping[str, Any], rate_name: str) -> str:
    interval = evaluation.get(f"{rate_name}_ci")
    if not isinstance(interval, Mapping):
        return ""
    low, high = show_value("wer", interval.get("low")), show_value("wer", interval.get("high"))
    return f"{low.removesuffix(' %')}–{high}"


def _method(evaluation: Mapping[str, Any]) -> str:
    interval = evaluation.get(f"{RATE_NAMES.get(str(evaluation.get('unit')), 'error_rate')}_ci")
    if not isinstance(interval, Mapping):
        return ""
    blocks = f"{interval.get('n_blocks', '')} {str(interval.get('blocks')).removesuffix('_id')}s".strip()
    said = f"interval: {100 * interval.get('level', 0.95):g} %, {interval.get('method')} bootstrap over {blocks}"
    return said + (f" ({interval['warning']})" if interval.get("warning") else "")


def _decoding(evaluation: Mapping[str, Any]) -> str:
    settings = evaluation.get("decoding") or {}
    return " ".join(f"{key}={value}" for key, value in settings.items())


def _speakers(evaluation: Mapping[str, Any]) -> str:
    rows = [row for row in evaluation.get("speakers") or [] if row.get("error_rate") is not None]
    if not rows:
        return ""
    rows.sort(key=lambda row: row["error_rate"])
    total = evaluation.get("speakers_total", len(rows))
    best, worst = rows[0], rows[-1]
    middle = show_value("wer", median(row["error_rate"] for row in rows))
    if total > len(rows):  # only the worst ones are in the record
        return f"{total} speakers, worst {worst['speaker_id']} {show_value('wer', worst['error_rate'])}"
    return (
        f"{total} speakers: best {best['speaker_id']} {show_value('wer', best['error_rate'])}, median {middle}, "
        f"worst {worst['speaker_id']} {show_value('wer', worst['error_rate'])}"
    )
