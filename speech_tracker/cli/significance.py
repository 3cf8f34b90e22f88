"""`speech-tracker significance`: is one system better than another?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_tracker.cli import scoring_options as shared


def significance(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="Reference transcripts.")],
    hypotheses: Annotated[list[Path], typer.Argument(metavar="HYP_A HYP_B...", help="Two or more systems' output.")],
    speakers: shared.Speakers = None,
    attribute: shared.Attribute = None,
    unit: shared.UnitOption = shared.Unit.word,
    alignment: Annotated[
        shared.Alignment, typer.Option(help="sclite gives the segments of sc_stats.")
    ] = shared.Alignment.sclite,
    normalizer: shared.Normalizer = "none",
    missing: shared.MissingOption = shared.Missing.error,
    level: shared.Level = 0.95,
    method: Annotated[shared.Method, typer.Option(help="How the intervals' ends are got.")] = shared.Method.percentile,
    block: shared.Block = "auto",
    replications: Annotated[int, typer.Option(min=1, max=1_000_000, help="Bootstrap resamples.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    as_json: shared.AsJson = False,
    reference_format: shared.ReferenceFormat = "auto",
    hypothesis_format: shared.HypothesisFormat = "auto",
    reference_field: shared.ReferenceField = None,
    hypothesis_field: shared.HypothesisField = None,
    encoding: shared.Encoding = "utf-8",
) -> None:
    """Compare systems on one test set: MAPSSWE as NIST's sc_stats, paired bootstrap, McNemar, Wilcoxon, sign test.

    Differences are those of the later system from the earlier one: negative where it is better.
    """
    from speech_tracker.cli.output import write, write_json
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
        write_json(compared.comparison.as_dict())
    else:
        write(comparison_text(compared.comparison))
