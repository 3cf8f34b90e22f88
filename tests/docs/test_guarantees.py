"""Each promise says what it means and names a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")


def _defined() -> set[str]:
    """The names of all test functions: of real definitions, not of text that looks like one."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    contract = (path.read_text(encoding="utf-8") for path in (ROOT / "speech_tracker" / "testing").glob("*.py"))
    return {name for text in (*sources, *contract) for name in re.findall(r"^\s*def (test_\w+)\(", text, re.MULTILINE)}


def test_every_test_that_a_promise_names_exists() -> None:
    names = re.findall(r"`(test_\w+)`", PAGE)
    assert len(names) > 50
    assert sorted(set(names) - _defined()) == []
    assert [path for path in re.findall(r"`(tests/[\w/.]+)`", PAGE) if not (ROOT / path).exists()] == []


def test_no_promise_is_without_a_test() -> None:
    rows = [row for row in PAGE.splitlines() if row.startswith("| ") and not row.startswith("| promise")]
    assert len(rows) > 30
    assert [
        row for row in rows if not re.search(r"`test_\w+`|`tests/[\w/.]+`|the adapter contract", row.split("|")[-2])
    ] == []
