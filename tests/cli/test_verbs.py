"""Every verb is in the manual and has help, and starting the command line loads nothing heavy."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_tracker.cli import VERBS

MANUAL = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
HEAVY = {"torch", "wandb", "duckdb", "numpy", "lightning", "matplotlib"}


def _loaded(*arguments: str) -> set[str]:
    code = (
        f"import sys\nfrom speech_tracker.cli import main\ncode = main({list(arguments)!r})\n"
        "print(*sys.modules, file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_in_the_manual_with_an_example(verb: str) -> None:
    assert re.search(rf"^### `{verb}\b", MANUAL, re.MULTILINE)
    assert re.search(rf"^\$ speech-tracker {verb}\b", MANUAL, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_help(verb: str, cli: Callable[..., Any]) -> None:
    answer = cli(verb, "--help")
    assert answer.code == 0
    assert len(answer.out.splitlines()) > 4


def test_help_lists_every_verb_with_a_sentence_and_loads_nothing_heavy(cli: Callable[..., Any]) -> None:
    out = cli("--help").out
    for verb in VERBS:
        assert re.search(rf"^  {verb} +\S", out, re.MULTILINE), verb
    assert not _loaded("--help") & HEAVY


@pytest.mark.parametrize("arguments", [("list",), ("list", "--json", "--limit", "3", "--tag", "a"), ("reindex",)])
def test_listing_loads_neither_what_is_heavy_nor_pydantic_nor_rich(arguments: tuple[str, ...]) -> None:
    assert not _loaded(*arguments) & {*HEAVY, "pydantic", "rich"}


def test_an_unknown_verb_or_option_is_wrong_use(cli: Callable[..., Any]) -> None:
    assert cli("lsit").code == 2
    assert cli("list", "--nonsense").code == 2


def test_values_that_are_not_plain_still_go_to_typer(cli: Callable[..., Any]) -> None:
    for limit in ("x", "-1", "1.5"):
        answer = cli("list", "--limit", limit)
        assert (answer.code, answer.out) == (2, "")
        assert "--limit" in answer.err
