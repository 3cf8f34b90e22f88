"""`speech-tracker verify-scoring [REF HYP]`: the counts of every reference scorer beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def verify_scoring(
    reference: Annotated[Path | None, typer.Argument(metavar="[REF]", help="Reference transcripts.")] = None,
    hypothesis: Annotated[Path | None, typer.Argument(metavar="[HYP]", help="Hypothesis transcripts.")] = None,
    utterances: Annotated[int, typer.Option(min=1, help="Size of the built-in set, used without files.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the built-in set.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    encoding: Annotated[str, typer.Option(help="Encoding of the files.")] = "utf-8",
) -> None:
    """Score with sclite, kaldialign and jiwer, as installed, and show that our counts are theirs.

    Exit code 1 when a count differs, a scorer fails, or none is installed.
    """
    from speech_tracker.cli.output import write, write_json
    from speech_tracker.evaluation.read_sides import ReadOptions, read_sides
    from speech_tracker.evaluation.show_checks import checks_dict, checks_text
    from speech_tracker.evaluation.verify import generated_set, verify

    if reference is None:
        source, (references, hypotheses) = "built-in set", generated_set(utterances, seed=seed)
    else:
        sides = read_sides(reference, hypothesis, options=ReadOptions(encoding=encoding))
        for remark in sides.remarks:
            typer.echo(f"note: {remark}", err=True)
        source, references, hypotheses = str(reference), dict(sides.references), dict(sides.hypotheses)
    checks = verify(references, hypotheses)
    if json:
        write_json({"source": source, **checks_dict(checks, len(references))})
    else:
        write(checks_text(checks, source, len(references)).removesuffix("\n"))
    installed = [check for check in checks if check.is_installed]
    if not installed or not all(check.agrees for check in installed):
        raise typer.Exit(1)
