"""`speech-tracker significance`: is one system better than another?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from speech_tracker.cli.scoring_options import (
    Alignment,
    AsJson,
    Attribute,
    Block,
    Encoding,
    HypothesisField,
    HypothesisFormat,
    Level,
    Method,
    Missing,
    MissingOption,
    Normalizer,
    ReferenceField,
    ReferenceFormat,
    Speakers,
    Unit,
    UnitOption,
)


def significance(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="Reference transcripts.")],
    hypotheses: Annotated[list[Path], typer.Argument(metavar="HYP_A HYP_B...", help="Two or more systems' output.")],
    speakers: Speakers = None,
    attribute: Attribute = None,
    unit: UnitOption = Unit.word,
    alignment: Annotated[Alignment, typer.Option(help="sclite gives the segments of sc_stats.")] = Alignment.sclite,
    normalizer: Normalizer = "none",
    missing: MissingOption = Missing.error,
    level: Level = 0.95,
    method: Annotated[Method, typer.Option(help="How the intervals' ends are got.")] = Method.percentile,
    block: Block = "auto",
    replications: Annotated[int, typer.Option(min=1, max=1_000_000, help="Bootstrap resamples.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    as_json: AsJson = False,
    reference_format: ReferenceFormat = "auto",
    hypothesis_format: HypothesisFormat = "auto",
    reference_field: ReferenceField = None,
    hypothesis_field: HypothesisField = None,
    encoding: Encoding = "utf-8",
) -> None:
    """Compare systems on one test set: MAPSSWE as NIST's sc_stats, paired bootstrap, McNemar, Wilcoxon, sign test.

    Differences are those of the later system from the earlier one: negative where it is better.
    """
    from speech_tracker.cli.score_output import named_files
    from speech_tracker.evaluation.compare_files import compare_files
    from speech_tracker.evaluation.comparison_text import comparison_text
    from speech_tracker.evaluation.read_sides import ReadOptions

    compared = compare_files(
        reference,
        hypotheses,
        speakers=speakers,
        attribute_files=named_files(attribute or []),
        unit=unit.value,
        alignment=alignment.value,
        normalizer=normalizer,
        missing=missing.value,
        level=level,
        method=method.value,
        block=block,
        replications=replications,
        seed=seed,
        options=ReadOptions(reference_format, hypothesis_format, reference_field, hypothesis_field, encoding),
    )
    for remark in compared.remarks:
        typer.echo(remark, err=True)
    if as_json:
        typer.echo(json.dumps(compared.comparison.as_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        typer.echo(comparison_text(compared.comparison))
