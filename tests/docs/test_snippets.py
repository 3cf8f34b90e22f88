"""Every command and every snippet in README.md and docs/ is run.

Rules for the writers of these pages:

- A fenced ``python`` block is executed; the blocks of one page share their names, from top to bottom.
- A fenced ``bash`` block is executed by ``bash -e``; in a ``console`` block the lines that begin with ``$ `` are (those
  that continue it after a backslash too), the others are output and are there to be read.
- The working folder is empty at the top of a page and shared by its blocks. ``<!-- before: … -->`` holds shell commands
  that prepare it and that readers need not see.
- ``<!-- exit 1 -->`` before a block: its last command ends with that code.
- ``<!-- not run: reason -->`` before a block: it cannot run here, and why. The reason is required.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "recipes").glob("**/README.md")])

_TOKEN = re.compile(
    r"<!--\s*(?P<word>before|exit|not run)\b:?\s*(?P<text>.*?)-->|^(?P<indent>\s*)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^\s*```",
    re.DOTALL | re.MULTILINE,
)


@dataclass
class Step:
    language: str
    code: str
    line: int
    exit_code: int = 0


def steps(page: Path) -> list[Step]:
    """Return what is to be run of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found: list[Step] = []
    skip = False
    exit_code = 0
    for match in _TOKEN.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["word"] == "before":
            found.append(Step("bash", match["text"], line))
        elif match["word"] == "not run":
            assert match["text"].strip(), f"{page}:{line}: say why this block is not run"
            skip = True
        elif match["word"] == "exit":
            exit_code = int(match["text"])
        elif match["language"] in ("python", "bash", "sh", "console"):
            if not skip:
                code = re.sub(rf"^{match['indent']}", "", match["code"], flags=re.MULTILINE)
                found.append(Step(match["language"], code, line, exit_code))
            skip, exit_code = False, 0
    return found


def script(step: Step) -> str:
    """Return a shell step as a script; a console block's commands without its output."""
    if step.language != "console":
        return step.code
    lines, more = [], False
    for line in step.code.splitlines():
        if line.startswith("$ ") or more:
            lines.append(line.removeprefix("$ "))
            more = line.endswith("\\")
    return "\n".join(lines)


def _programs(page: Path, folder: Path) -> list[tuple[int, list[str], int]]:
    """Return (line, command, exit code): the Python blocks of a page become one growing program, run at its last block."""
    programs: list[tuple[int, list[str], int]] = []
    python: list[Step] = []
    found = steps(page)
    for place, step in enumerate(found):
        if step.language == "python":
            python.append(step)
            if any(later.language == "python" for later in found[place + 1 :]):
                continue
            source = folder / "snippet.py"
            source.write_text("\n".join(f"# {page.name}:{each.line}\n{each.code}" for each in python), encoding="utf-8")
            programs.append((python[0].line, [sys.executable, str(source)], 0))
        else:
            programs.append((step.line, ["bash", "-e", "-o", "pipefail", "-c", script(step)], step.exit_code))
    return programs


@pytest.mark.parametrize("page", [page for page in PAGES if steps(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_and_snippets_of_the_page_run(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SPEECH_TRACKER_DIR": str(tmp_path / "store"),
        "SPEECH_TRACKER_CACHE": str(tmp_path / "cache"),
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(tmp_path),
        "REPOSITORY": str(ROOT),
        "COLUMNS": "120",
    }
    (tmp_path / "python").mkdir()
    for line, command, expected in _programs(page, tmp_path / "python"):
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        where = f"{page.relative_to(ROOT)}:{line}"
        assert done.returncode == expected, f"{where} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, f"{where}\n{done.stderr}"


def test_the_links_between_the_pages_lead_somewhere() -> None:
    broken = []
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
        broken += [f"{page.relative_to(ROOT)}: {each}" for each in targets if not (page.parent / each).exists()]
    assert not broken
