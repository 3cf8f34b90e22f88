"""What `speech-tracker score` prints and writes: data to stdout, remarks to stderr."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from speech_tracker.cli.output import write, write_json
from speech_tracker.errors import InvalidArgumentError, MissingExtraError, explain

if TYPE_CHECKING:
    from speech_tracker.evaluation.read_sides import ReadOptions
    from speech_tracker.evaluation.score_files import FileScore


def only(files: Sequence[Path]) -> Path | None:
    """Return the single hypothesis file, or None.

    Raises:
        InvalidArgumentError: there are several.
    """
    if len(files) > 1:
        raise InvalidArgumentError(
            explain(
                "several hypothesis files",
                got=[str(file) for file in files],
                expected="one",
                remedy="compare systems with `speech-tracker significance`, or normalizers with --normalizer-table",
            )
        )
    return files[0] if files else None


def named_files(pairs: Sequence[str]) -> dict[str, Path]:
    """Return name → file of ``--attribute NAME=FILE`` options.

    Raises:
        InvalidArgumentError: one has no ``=``.
    """
    found = {}
    for pair in pairs:
        name, equals, file = pair.partition("=")
        if not (name and equals and file):
            raise InvalidArgumentError(
                explain(
                    "--attribute", got=pair, expected="NAME=FILE", remedy="write for example lang=data/test/utt2lang"
                )
            )
        found[name] = Path(file)
    return found


def write_files(scored: FileScore, *, html: Path | None, parquet: Path | None) -> None:
    """Write the files that were asked for, and say so."""
    if html is not None:
        from speech_tracker.evaluation.html import write_html

        write_html(scored, html)
        typer.echo(f"wrote {html}", err=True)
    if parquet is not None:
        from speech_tracker.evaluation.parquet import write_parquet

        write_parquet(scored.evaluation, parquet)
        typer.echo(f"wrote {parquet}", err=True)


def show(scored: FileScore, *, as_json: bool, trn_report: bool, worst: int) -> None:
    """Print the score; remarks go to stderr first, so that they are read."""
    for remark in scored.remarks:
        typer.echo(f"note: {remark}", err=True)
    if as_json:
        from speech_tracker.evaluation.summary import summary

        write_json(summary(scored))
    elif trn_report:
        from speech_tracker.evaluation.show_sclite import sclite_report

        write(sclite_report(scored.evaluation, title=scored.sides.hypothesis.path).removesuffix("\n"))
    else:
        from speech_tracker.evaluation.show import score_text

        print_text(lambda width: score_text(scored, worst=worst, width=width))


def print_text(make: Any) -> None:
    """Print a rich text made for the width of the terminal; plain, and 100 wide, when stdout is none."""
    from rich.console import Console

    if isinstance(sys.stdout, io.TextIOWrapper):  # what its encoding cannot hold is escaped, as `write` does
        sys.stdout.reconfigure(errors="backslashreplace")
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(make(max(console.width, 40) if console.is_terminal else 100), end="", soft_wrap=True)


def normalizers(
    reference: Path,
    files: Sequence[Path],
    options: ReadOptions,
    unit: str,
    alignment: str,
    missing: str,
    *,
    as_json: bool,
) -> None:
    """Print the error rate of every hypothesis file under every normaliser that is installed."""
    from speech_tracker.evaluation.normalize import get_normalizer
    from speech_tracker.evaluation.normalize_sensitivity import DEFAULT, sensitivity
    from speech_tracker.evaluation.read_sides import read_sides
    from speech_tracker.evaluation.show import sensitivity_text

    chosen = []
    for name in DEFAULT:
        try:
            chosen.append(get_normalizer(name))
        except MissingExtraError as error:  # noqa: PERF203 - a handful of names
            typer.echo(f"note: {error}", err=True)
    systems: dict[str, Any] = {}
    references: Any = {}
    for file in files or (None,):
        sides = read_sides(reference, file, options=options)
        for remark in sides.remarks:
            typer.echo(f"note: {remark}", err=True)
        references = sides.references
        systems[_label(file or reference, files)] = sides.hypotheses
    found = sensitivity(
        references, systems, chosen, unit=unit, alignment=alignment, missing=missing  # type: ignore[arg-type]
    )  # fmt: skip
    for warning in found.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if as_json:
        rows = [
            {"normalizer": name, "error_rates": dict(zip(found.systems, found.rates(row), strict=True))}
            for row, name in enumerate(found.normalizers)
        ]
        write_json({"unit": found.unit, "normalizers": rows, "ranking_changes": [str(each) for each in found.changes]})
    else:
        print_text(lambda _: sensitivity_text(found))


def _label(file: Path, files: Sequence[Path]) -> str:
    """Return the file's name, or its path when several have the same name."""
    return str(file) if [each.name for each in files].count(file.name) > 1 else file.name
