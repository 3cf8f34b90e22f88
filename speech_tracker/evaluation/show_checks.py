"""What `verify` found, as a table and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from speech_tracker.evaluation.verify import Counts, ScorerCheck

_FIRST = 5


def checks_text(checks: Sequence[ScorerCheck], source: str, utterances: int) -> str:
    """Return a table with two lines per scorer, theirs and ours, and the verdict."""
    lines = [f"{source}: {utterances} utterances", ""]
    lines.append(f"{'scorer':<24} {'alignment':<10} {'errors':>8} {'sub':>8} {'del':>8} {'ins':>8}")
    for check in checks:
        name = f"{check.scorer} {check.version}".strip()
        if check.theirs is None:
            lines.append(f"{name:<24} {check.failure}")
            continue
        verdict = "agrees" if check.agrees else f"DIFFERS in {len(check.differing)} utterances"
        lines.append(f"{name:<24} {'':<10} {_cells(check.theirs)}")
        lines.append(f"{'  speech-tracker':<24} {check.alignment:<10} {_cells(check.ours)}  {verdict}")
        if check.differing:
            lines.append(f"    first: {', '.join(check.differing[:_FIRST])}")
    return "\n".join([*lines, "", verdict_line(checks)]) + "\n"


def verdict_line(checks: Sequence[ScorerCheck]) -> str:
    """Return one sentence about all scorers."""
    installed = [check for check in checks if check.is_installed]
    if not installed:
        return "No reference scorer is installed: nothing was verified."
    wrong = [check.scorer for check in installed if not check.agrees]
    if wrong:
        return f"The counts are NOT verified against {', '.join(wrong)}."
    names = ", ".join(check.scorer for check in installed)
    return f"Substitutions, deletions and insertions of every utterance equal those of {names}."


def _cells(counts: Counts) -> str:
    return " ".join(f"{value:>8}" for value in (sum(counts), *counts))


def checks_dict(checks: Sequence[ScorerCheck], utterances: int) -> dict[str, Any]:
    """Return the checks for JSON."""
    return {
        "utterances": utterances,
        "agrees": any(check.is_installed for check in checks) and all(c.agrees for c in checks if c.is_installed),
        "scorers": [
            {
                "scorer": check.scorer,
                "version": check.version,
                "installed": check.is_installed,
                "alignment": check.alignment,
                "agrees": check.agrees if check.is_installed else None,
                "theirs": _named(check.theirs),
                "ours": _named(check.ours),
                "differing": list(check.differing),
                "failure": check.failure or None,
            }
            for check in checks
        ],
    }


def _named(counts: Counts | None) -> dict[str, int] | None:
    return None if counts is None else dict(zip(("substitutions", "deletions", "insertions"), counts, strict=True))
