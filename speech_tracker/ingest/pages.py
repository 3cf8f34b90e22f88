"""Runs of the results that a page tells (``RESULTS.md``, a README), for when the folders that they came from are gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.ingest.found import FoundEvaluation, FoundRun, LocatedProblem
from speech_tracker.ingest.reading import ReadFile
from speech_tracker.ingest.walk import R, Tree

if TYPE_CHECKING:
    from speech_tracker.schema import Speech


def with_keys_of_their_own(evaluations: Iterable[FoundEvaluation]) -> tuple[FoundEvaluation, ...]:
    """Number those of the same set, method and options, so that each has a key of its own."""
    seen: dict[str, int] = {}
    found = []
    for each in evaluations:
        seen[each.key] = seen.get(each.key, 0) + 1
        found.append(each if seen[each.key] == 1 else replace(each, key=f"{each.key}/{seen[each.key]}"))
    return tuple(found)


def run_of_section(
    file: ReadFile[R],
    tree: Tree[R],
    *,
    headings: tuple[str, ...],
    line_number: int,
    name: str,
    evaluations: tuple[FoundEvaluation, ...],
    speech: Speech,
    facts: dict[str, Any] | None = None,
) -> FoundRun:
    """Return the run of one section of a page.

    Args:
        file: the page.
        tree: that it was found in.
        headings: above the section; they tell it from the other sections.
        line_number: of its first table.
        name: of the run.
        evaluations: that it tells.
        speech: what it tells of the model; its toolkit names the configuration.
        facts: further parts of the configuration.
    """
    shown = tree.shown(file.entry.path)
    config = {"kind": "page", "headings": list(headings), "page": Path(shown).name, **(facts or {})}
    return FoundRun(
        path=f"{shown}:{line_number}",
        folder=f"{(tree.root / file.entry.path).resolve()}#{'/'.join(headings)}",
        name=name,
        kind="page",
        task="asr",
        status="finished",
        complete=True,
        evaluations=evaluations,
        config={str(speech.toolkit): config},
        speech=speech,
    )


def problems_of_page(file: ReadFile[R], tree: Tree[R]) -> list[LocatedProblem]:
    """Return the damaged rows of a page."""
    shown = tree.shown(file.entry.path)
    return [LocatedProblem(shown, each.line_number or None, each.reason, each.text) for each in file.problems]
