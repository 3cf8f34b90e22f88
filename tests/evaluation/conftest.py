"""The reference scorers that the alignments are compared with, and texts in which ties abound."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

SCLITE = Path("/usr/lib/sctk/bin/sclite")
_PATH = re.compile(r'<PATH id="\(s-(\d+)\)"[^>]*>\n(.*)\n</PATH>')
_STEP = re.compile(r'([CSDI]),("[^"]*"|),("[^"]*"|)(?::|$)')

SclitePath = tuple[bytes, list[tuple["str | None", "str | None"]]]


@pytest.fixture
def sclite(tmp_path: Path) -> Callable[..., list[SclitePath]]:
    """Run NIST's binary on many pairs at once; give the operations and the words of each."""
    if not SCLITE.exists():
        pytest.skip(f"no {SCLITE} (Debian package sctk)")

    def run(references: Sequence[str], hypotheses: Sequence[str], *options: str) -> list[SclitePath]:
        for name, texts in (("ref", references), ("hyp", hypotheses)):
            lines = (f" {text} (s-{index:06d})\n" for index, text in enumerate(texts))
            (tmp_path / name).write_text("".join(lines), encoding="utf-8")
        command = [SCLITE, *options, "-i", "rm", "-r", tmp_path / "ref", "trn", "-h", tmp_path / "hyp", "trn"]
        command += ["-o", "sgml", "-O", tmp_path, "-f", "0", "-n", "out"]
        subprocess.run(command, check=True, capture_output=True)
        found: dict[int, SclitePath] = {}
        for path in _PATH.finditer((tmp_path / "out.sgml").read_text(encoding="utf-8")):
            steps = _STEP.findall(path[2])
            pairs = [(left[1:-1] if left else None, right[1:-1] if right else None) for _, left, right in steps]
            found[int(path[1])] = ("".join(code for code, _, _ in steps).encode(), pairs)
        # what is empty on both sides is listed without a step, or not at all
        return [found.get(index, (b"", [])) for index in range(len(references))]

    return run
