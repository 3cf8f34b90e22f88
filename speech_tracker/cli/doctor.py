"""`speech-tracker doctor`: what is installed, whether W&B and the store are well, which runs are damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from speech_tracker.cli.store import JsonOption, StoreOption, chosen_store, reading

if TYPE_CHECKING:
    from pathlib import Path

    from speech_tracker.cli.document import Cell, Section
    from speech_tracker.doctor.examine import Report
    from speech_tracker.doctor.finding import Finding
    from speech_tracker.doctor.mend import Step

_SHOWN = 30


def doctor(
    mend: Annotated[
        bool, typer.Option("--mend", help="Delete leftovers of killed processes, make the catalog again.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --mend: only say what would be done.")] = False,
    json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Examine the installation, W&B, the store and every run in it; exit code 1 when there is a problem.

    Nothing is changed without --mend, and never a record: a damaged line is skipped by every reader.
    """
    from dataclasses import asdict

    from speech_tracker.cli.document import print_page
    from speech_tracker.cli.output import write_json
    from speech_tracker.doctor.examine import examine
    from speech_tracker.doctor.mend import mend as put_in_order
    from speech_tracker.errors import InvalidArgumentError

    if dry_run and not mend:
        raise InvalidArgumentError("--dry-run says what --mend would do: give both")
    folder = chosen_store(store)
    steps = put_in_order(folder, dry_run=dry_run) if mend else []
    with reading() as progress:
        report = examine(folder, progress=progress)
    if json:
        write_json({**report.to_dict(), **({"mended": [asdict(step) for step in steps]} if mend else {})})
    else:
        print_page([*_mended(steps, dry_run), *_page(report, folder)])
    if not report.healthy:
        raise typer.Exit(1)


def _mended(steps: list[Step], dry_run: bool) -> list[Section]:
    from speech_tracker.cli.document import Lines

    if not steps:
        return []
    lines = [f"{step.what}: {step.path}" + (f" (failed: {step.error})" if step.error else "") for step in steps]
    return [Lines("Would be done" if dry_run else "Done", lines)]


def _page(report: Report, folder: Path) -> list[Section]:
    from speech_tracker.cli.document import Cell, Facts, Lines
    from speech_tracker.cli.moments import size

    store, wandb = report.store, report.wandb
    kept = report.catalog["path"] or f"in memory ({report.catalog['reason']})"
    counts = ", ".join(f"{count:,} {status}" for status, count in report.runs["by_status"].items())
    inodes = "" if store["free_inodes"] is None else f", {store['free_inodes']:,} inodes"
    sections: list[Section] = [
        Facts("Installation", [
            *((name, Cell(str(version))) for name, version in report.versions.items()),
            *((f"[{name}]", _extra(entry)) for name, entry in report.extras.items()),
        ]),
        Facts("W&B", [
            ("wandb", Cell(str(wandb["installed"] or "not installed"))),
            ("mode", Cell(str(wandb["mode"] or "offline unless asked otherwise"))),
            ("server", Cell(f"{wandb['base_url']}: {wandb['answer']}", "green" if wandb["reachable"] else "yellow")),
            ("login", Cell(f"found in {wandb['login_from']}" if wandb["logged_in"] else "none")),
        ]),
        Facts("Store", [
            ("folder", Cell(str(folder))),
            ("file system", Cell(f"{store['file_system'] or 'unknown'}{' (shared between hosts)' if store['shared'] else ''}")),
            ("free", Cell(f"{size(store['free_bytes'])}{inodes}")),
            ("writable", Cell({True: "yes", False: "no", None: "unknown"}[store["writable"]])),
            ("catalog", Cell(kept)),
            ("runs", Cell(f"{report.runs['total']:,}" + (f": {counts}" if counts else ""))),
        ]),
    ]  # fmt: skip
    for title, level in (("Problems", "problem"), ("Notes", "note")):
        lines = [_line(finding) for finding in report.findings if finding.level == level]
        more = [f"… {len(lines) - _SHOWN} more with --json"] if len(lines) > _SHOWN else []
        if lines:
            sections.append(Lines(title, [*lines[:_SHOWN], *more]))
    if report.healthy:
        sections.append(Lines("", ["everything is well"]))
    return sections


def _extra(entry: dict[str, Any]) -> Cell:
    from speech_tracker.cli.document import Cell

    if entry["installed"]:
        return Cell(", ".join(f"{name} {version}" for name, version in entry["packages"].items()), "green")
    return Cell(f"missing: {', '.join(entry['missing'])}", "dim")


def _line(finding: Finding) -> str:
    place = finding.path + (f":{finding.line}" if finding.line is not None else "") if finding.path else ""
    where = " ".join(part for part in (f"run {finding.run}" if finding.run else "", place) if part)
    return f"{where}{': ' if where else ''}{finding.what}; {finding.remedy}"
