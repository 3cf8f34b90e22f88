"""What is built holds what is in the tree: a package that is forgotten in pyproject.toml would vanish without a word."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _sources() -> set[str]:
    core = {str(path.relative_to(ROOT)) for path in (ROOT / "speech_tracker").rglob("*") if path.is_file()}
    linked = {
        f"speech_tracker/{path.relative_to(ROOT)}" for path in (ROOT / "integrations").rglob("*") if path.is_file()
    }
    everything = core | linked
    return {name for name in everything if "__pycache__" not in name and not name.endswith(".pyc")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    copy = tmp_path_factory.mktemp("tree") / "copy"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")
    copy.mkdir()
    for name in ("speech_tracker", "integrations"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "dist", "."],
        cwd=copy,
        check=True,
        capture_output=True,
    )
    (built,) = (copy / "dist").glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


def test_the_wheel_holds_exactly_the_modules_and_data_of_the_tree(wheel: set[str]) -> None:
    packed = {name for name in wheel if ".dist-info/" not in name}
    assert packed == _sources()


def test_the_wheel_marks_the_package_as_typed_and_has_the_command(wheel: set[str]) -> None:
    assert "speech_tracker/py.typed" in wheel
    assert any(name.endswith("entry_points.txt") for name in wheel)


def test_the_link_for_type_checkers_points_to_the_adapters() -> None:
    link = ROOT / "speech_tracker" / "integrations"
    assert not link.is_symlink() or link.resolve() == (ROOT / "integrations").resolve()
