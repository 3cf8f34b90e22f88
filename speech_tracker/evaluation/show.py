"""A score for people: the lines that every researcher knows, the interval, the speakers, the worst utterances."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from speech_tracker.evaluation.grouped import attribute_breakdowns
from speech_tracker.evaluation.show_alignment import alignment_text, visible
from speech_tracker.evaluation.worst import worst_utterances

if TYPE_CHECKING:
    from speech_tracker.evaluation.bootstrap import Interval
    from speech_tracker.evaluation.breakdown import Breakdown
    from speech_tracker.evaluation.counts import ErrorCounts
    from speech_tracker.evaluation.normalize_sensitivity import Sensitivity
    from speech_tracker.evaluation.result import Evaluation
    from speech_tracker.evaluation.score_files import FileScore

LABELS = {"word": "WER", "char": "CER", "mixed": "MIXED"}
"""Unit → what stands behind the percent sign."""

_SPEAKERS = 10
_GROUPS = 20


def percent(rate: float | None, digits: int = 2) -> str:
    """Return a fraction in percent without the sign, ``nan`` for None.

    >>> percent(0.08196), percent(None)
    ('8.20', 'nan')
    """
    return "nan" if rate is None else f"{100 * rate:.{digits}f}"


def score_text(scored: FileScore, *, worst: int = 10, width: int = 100) -> Text:
    """Return the whole report.

    Args:
        scored: what `score_files` returned.
        worst: how many utterances with their alignment.
        width: terminal cells at which alignments are folded.
    """
    evaluation = scored.evaluation
    text = Text(f"{kaldi_lines(evaluation)}\n", no_wrap=True)
    if scored.interval is not None:
        text.append(f"{interval_line(scored.interval)}\n")
    if evaluation.unit != "char":
        text.append(f"{scored.characters.counts.kaldi_line('CER')}\n")
    if evaluation.unit != "word":
        text.append(f"{scored.words.counts.kaldi_line('WER')}\n")
    normalizer = evaluation.normalizer
    text.append(f"unit {evaluation.unit}, alignment {evaluation.alignment}, normalizer {normalizer.name}")
    text.append(f" ({normalizer.version})\n" if normalizer.name != "none" else "\n")
    if "speaker_id" in evaluation.attributes:
        text.append("\n").append(speaker_text(evaluation))
    for found in attribute_breakdowns(evaluation, most=_GROUPS, asked=scored.asked):
        if found.attribute in evaluation.attributes:
            text.append("\n").append(group_text(found))
    shown = worst_utterances(evaluation, worst)
    if shown:
        text.append(f"\nWorst {len(shown)} of {evaluation.counts.utterances_with_errors} utterances with errors\n")
    for each in shown:
        counts = each.counts
        speaker = each.attributes.get("speaker_id")
        text.append(f"\n{visible(each.utterance_id)}", style="bold")
        text.append(f" ({visible(str(speaker))})" if speaker is not None else "")
        text.append(f"  {_counted(counts)}\n").append(alignment_text(each.operations, each.aligned, width=width))
    return text


def kaldi_lines(evaluation: Evaluation) -> str:
    """Return what Kaldi's compute-wer prints, ``[PARTIAL]`` included; rates in percent."""
    counts = evaluation.counts
    absent = sum(len(each.utterance_ids) for each in evaluation.problems if each.kind == "missing-hypothesis")
    partial = " [PARTIAL]" if absent else ""
    return (
        f"{counts.kaldi_line(LABELS[evaluation.unit])}{partial}\n"
        f"%SER {percent(counts.sentence_error_rate)} [ {counts.utterances_with_errors} / {counts.utterances} ]\n"
        f"Scored {counts.utterances} sentences, {absent} not present in hyp."
    )


def interval_line(interval: Interval) -> str:
    """Return the interval in words, in percent."""
    what = interval.blocks.removesuffix("_id").replace("_", " ")
    line = (
        f"{100 * interval.level:g}% interval {percent(max(interval.low, 0.0))} to {percent(interval.high)} "
        f"({interval.method}, resampling {interval.n_blocks} {what}s)"
    )
    return f"{line}\n  note: {interval.warning}" if interval.warning else line


def speaker_text(evaluation: Evaluation) -> Text:
    """Return mean, median, best and worst speaker and the ten worst; the mean is of speakers' rates, unweighted."""
    groups = {
        speaker: counts for speaker, counts in evaluation.by("speaker_id").items() if counts.error_rate is not None
    }
    if not groups:
        return Text()
    order = sorted(groups.items(), key=lambda each: (-(each[1].error_rate or 0.0), str(each[0])))
    rates = [counts.error_rate or 0.0 for counts in groups.values()]
    best, worst = order[-1], order[0]
    text = Text(
        f"Speakers: {len(groups)}, mean {percent(statistics.fmean(rates))}, median {percent(statistics.median(rates))}, "
        f"best {percent(best[1].error_rate)} ({_name(best[0])}), worst {percent(worst[1].error_rate)} ({_name(worst[0])})\n"
    )
    text.append(_rows("speaker", [(_name(speaker), counts) for speaker, counts in order[:_SPEAKERS]]))
    if len(order) > _SPEAKERS:
        text.append(f"  … and {len(order) - _SPEAKERS} better ones\n")
    return text


def group_text(found: Breakdown) -> Text:
    """Return the table of one attribute; numbers in buckets, in rising order; of very many values the worst."""
    title = found.attribute.removesuffix("_id")
    groups = found.groups if len(found.groups) <= _GROUPS + 1 else found.worst_first()[:_GROUPS]
    text = Text(f"By {visible(title)}\n").append(
        _rows(visible(title), [(_name(group.value), group.counts) for group in groups])
    )
    if len(groups) < len(found.groups):
        text.append(f"  … and {len(found.groups) - len(groups)} better ones\n")
    return text


def _rows(title: str, rows: Sequence[tuple[str, ErrorCounts]]) -> str:
    width = max([8, len(title), *(len(name) for name, _ in rows)])
    heads = f"{'sents':>6} {'words':>7} {'sub':>6} {'del':>6} {'ins':>6} {'err %':>7} {'S.err %':>7}"
    lines = [f"  {title:<{width}} {heads}\n"]
    lines += [
        f"  {name:<{width}} {counts.utterances:>6} {counts.reference_length:>7} {counts.substitutions:>6} "
        f"{counts.deletions:>6} {counts.insertions:>6} {percent(counts.error_rate):>7} "
        f"{percent(counts.sentence_error_rate):>7}\n"
        for name, counts in rows
    ]
    return "".join(lines)


def _name(speaker: Any) -> str:
    return "(none)" if speaker is None else visible(str(speaker))


def _counted(counts: ErrorCounts) -> str:
    return (
        f"{counts.errors} error{'' if counts.errors == 1 else 's'} in {counts.reference_length} ({percent(counts.error_rate)} %): "
        f"{counts.substitutions} sub, {counts.deletions} del, {counts.insertions} ins"
    )


def sensitivity_text(found: Sensitivity) -> Text:
    """Return the table of normalisers and what it says about the ranking; rates in percent."""
    width = max([10, *(len(name) for name in found.normalizers)])
    columns = [max(8, len(visible(name))) for name in found.systems]
    head = "  ".join(f"{visible(name):>{size}}" for name, size in zip(found.systems, columns, strict=True))
    text = Text(f"{'normalizer':<{width}}  {head}  {'words':>8}\n", no_wrap=True)
    for row, name in enumerate(found.normalizers):
        rates = found.rates(row)
        cells = "  ".join(f"{percent(rate):>{size}}" for rate, size in zip(rates, columns, strict=True))
        text.append(f"{name:<{width}}  {cells}  {found.counts[row][0].reference_length:>8}\n")
    if len(found.systems) > 1:
        if found.changes:
            text.append("\nThe ranking depends on the normalizer:\n")
            for change in found.changes:
                text.append(f"  {change}\n")
        else:
            text.append("\nThe ranking is the same under every normalizer.\n")
    return text
