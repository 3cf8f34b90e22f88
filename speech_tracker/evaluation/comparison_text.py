"""A comparison of systems as plain text for people. Rates are in percent here, and only here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speech_tracker.evaluation.compare import Comparison, PairComparison

_NAMES = {
    "bootstrap": "bootstrap",
    "mapsswe": "MAPSSWE",
    "mcnemar": "McNemar",
    "wilcoxon": "Wilcoxon",
    "sign": "sign test",
}
_RATE = {"word": "WER", "char": "CER", "mixed": "mixed error rate"}


def comparison_text(comparison: Comparison) -> str:
    """Return a comparison as lines of text: the systems, and for each pair the difference and the tests."""
    first = comparison.systems[0]
    speakers = "" if comparison.speakers is None else f", {comparison.speakers} speakers"
    lines = [f"{comparison.utterances} utterances{speakers}, {first.counts.reference_length} reference tokens"]
    lines[0] += f"; unit {comparison.unit}, alignment {comparison.alignment}, normalizer {comparison.normalizer}"
    if comparison.left_out:
        lines.append(f"{comparison.left_out} utterances that not every system has were left out")
    level = f"{100 * first.interval.level:g} % interval"
    rows = [("system", f"%{_RATE.get(comparison.unit, 'errors')}", level, "sub", "del", "ins", "%SER")]
    for system in comparison.systems:
        interval, counts = system.interval, system.counts
        rows.append(
            (
                system.name,
                f"{100 * interval.estimate:.2f}",
                f"[{100 * interval.low:.2f}, {100 * interval.high:.2f}]",
                str(counts.substitutions),
                str(counts.deletions),
                str(counts.insertions),
                f"{100 * (counts.sentence_error_rate or 0):.2f}",
            )
        )
    lines += ["", *_table(rows)]
    for each in comparison.pairs:
        lines += ["", *_pair_lines(each)]
    if comparison.speakers is None:
        lines += ["", "no tests over speakers: who speaks is not known; give --speakers utt2spk"]
    if comparison.friedman is not None:
        friedman = comparison.friedman
        tested = f"chi-squared {friedman.statistic:.3f}, {p_text(friedman.p)}"
        lines += ["", f"all systems the same? Friedman over {friedman.speakers} speakers: {tested}"]
    if len(comparison.pairs) > 1:
        lines += ["", f"p in brackets: corrected by Holm for {len(comparison.pairs)} comparisons"]
    lines += ["", *(f"warning: {warning}" for warning in comparison.warnings)]
    return "\n".join(lines).rstrip("\n")


def p_text(p: float) -> str:
    """Return a p value as it is printed, with the customary stars.

    >>> p_text(0.0123), p_text(0.00001)
    ('p = 0.012 *', 'p < 0.001 ***')
    """
    stars = "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else ""
    value = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    return f"{value} {stars}".rstrip()


def _pair_lines(each: PairComparison) -> list[str]:
    difference = each.bootstrap
    word = "better" if difference.delta < 0 else "worse" if difference.delta > 0 else "no different"
    than = f"{word} than" if difference.delta else f"{word} from"
    what = {"utterance": "utterances", "speaker_id": "speakers", "session_id": "sessions"}.get(
        difference.blocks, f"values of {difference.blocks}"
    )
    ends = f"[{100 * difference.low:+.2f}, {100 * difference.high:+.2f}]"
    improved = f"probability of improvement {100 * difference.probability_of_improvement:.1f} %"
    segments, sentences = each.mapsswe, each.mcnemar
    notes = {
        "bootstrap": f"{100 * difference.level:g} % interval {ends} over {difference.n_blocks} {what}; {improved}",
        "mapsswe": f"{segments.segments} segments, mean {segments.mean:.3f}, std {segments.std:.3f}, Z {segments.z:.3f}",
        "mcnemar": f"sentences right in one system only: {each.a} {sentences.only_first_correct}, "
        f"{each.b} {sentences.only_second_correct}",
    }
    if each.wilcoxon is not None:
        notes["wilcoxon"] = f"over {each.wilcoxon.speakers} speakers, {each.wilcoxon.method}"
    if each.sign is not None:
        better, worse = each.sign.second_better, each.sign.first_better
        notes["sign"] = f"{each.b} better for {better} speakers, worse for {worse}, equal for {each.sign.equal}"
    rows = [(_NAMES[test], _p(each, test), note) for test, note in notes.items()]
    lines = [f"{each.b} is {than} {each.a}: {100 * difference.delta:+.2f} percentage points"]
    lines += [f"  {line}" for line in _table(rows, numbers=False)]
    if each.detectable is not None:
        lines.append(
            f"  this pair could be told apart from {100 * each.detectable.difference:.2f} points on "
            f"(level {100 * each.detectable.level:g} %, power {100 * each.detectable.power:g} %)"
        )
    return lines


def _p(each: PairComparison, test: str) -> str:
    text = p_text(getattr(each, test).p)
    corrected = each.corrected.get(test)
    if not corrected:
        return text
    holm = corrected["holm"]
    return f"{text} ({'< 0.001' if holm < 0.001 else f'{holm:.3f}'})"


def _table(rows: Sequence[Sequence[str]], *, numbers: bool = True) -> Iterable[str]:
    """Align columns: the first to the left, the others to the right, or all to the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if numbers and column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
