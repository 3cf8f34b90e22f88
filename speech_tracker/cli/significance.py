"""`speech-tracker significance`: is one system better than another?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from speech_tracker.errors import InvalidArgumentError


def significance(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="Transcripts of what was said.")],
    hypotheses: Annotated[list[Path], typer.Argument(metavar="HYP_A HYP_B...", help="Two or more systems' output.")],
    speakers: Annotated[Path | None, typer.Option(help="Kaldi's utt2spk: speakers are resampled whole.")] = None,
    unit: Annotated[str, typer.Option(help="word, char or mixed.")] = "word",
    alignment: Annotated[str, typer.Option(help="sclite (as NIST's sc_stats), kaldi or jiwer.")] = "sclite",
    normalizer: Annotated[str, typer.Option(help="Applied to both sides; see `speech-tracker score --help`.")] = "none",
    missing: Annotated[str, typer.Option(help="Missing hypotheses: error, deletions or skip.")] = "error",
    level: Annotated[float, typer.Option(help="Coverage of the intervals.")] = 0.95,
    method: Annotated[str, typer.Option(help="Of the intervals: percentile, normal, bca or t.")] = "percentile",
    block: Annotated[str, typer.Option(help="What is resampled: auto, utterance or an attribute.")] = "auto",
    replications: Annotated[int, typer.Option(help="Bootstrap resamples.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the resampling.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document; rates are fractions.")] = False,
) -> None:
    """Compare two or more systems on one test set: MAPSSWE (as NIST's sc_stats), paired bootstrap, McNemar, Wilcoxon.

    Differences are those of the later system from the earlier one: negative where it is better.
    """
    from speech_tracker.compare_files import compare_files
    from speech_tracker.evaluation.comparison_text import comparison_text

    if seed < 0:
        raise InvalidArgumentError(f"--seed: got {seed}, expected 0 or more")
    compared = compare_files(
        reference,
        hypotheses,
        speakers=speakers,
        unit=unit,  # type: ignore[arg-type]  # score() says which values there are
        alignment=alignment,  # type: ignore[arg-type]
        normalizer=normalizer,
        missing=missing,  # type: ignore[arg-type]
        level=level,
        method=method,  # type: ignore[arg-type]
        block=block,
        replications=replications,
        seed=seed,
    )
    for message in compared.messages:
        typer.echo(f"warning: {message}", err=True)
    if as_json:
        typer.echo(json.dumps(compared.comparison.as_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        typer.echo(comparison_text(compared.comparison))
