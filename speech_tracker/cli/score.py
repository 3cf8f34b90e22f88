"""`speech-tracker score REF HYP`: error rates with their certainty, speakers and worst utterances."""

from __future__ import annotations

from enum import Enum
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


class _Spaces(str, Enum):
    keep = "keep"
    remove = "remove"


def score(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="Reference transcripts, or a file of both sides.")],
    hypothesis: Annotated[list[Path] | None, typer.Argument(metavar="HYP", help="Hypothesis transcripts.")] = None,
    speakers: Speakers = None,
    attribute: Attribute = None,
    unit: UnitOption = Unit.word,
    alignment: Annotated[Alignment, typer.Option(help="Whose choice between equal alignments.")] = Alignment.kaldi,
    normalizer: Normalizer = "none",
    missing: MissingOption = Missing.error,
    spaces: Annotated[_Spaces, typer.Option(help="For --unit char: is a space a character?")] = _Spaces.keep,
    worst: Annotated[int, typer.Option(min=0, help="Utterances to show with their alignment.")] = 10,
    level: Level = 0.95,
    interval: Annotated[Method, typer.Option(help="How the interval is made.")] = Method.percentile,
    block: Block = "auto",
    as_json: AsJson = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page that needs no network.")] = None,
    trn_report: Annotated[bool, typer.Option("--trn-report", help="Print a report like sclite's.")] = False,
    normalizer_table: Annotated[
        bool, typer.Option("--normalizer-table", help="Error rate of each HYP under each normalizer.")
    ] = False,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every utterance, for DuckDB.")] = None,
    reference_format: ReferenceFormat = "auto",
    hypothesis_format: HypothesisFormat = "auto",
    reference_field: ReferenceField = None,
    hypothesis_field: HypothesisField = None,
    encoding: Encoding = "utf-8",
) -> None:
    """Score hypotheses against references: counts that equal Kaldi's and sclite's, with an interval."""
    from speech_tracker.cli import score_output
    from speech_tracker.evaluation.read_sides import ReadOptions
    from speech_tracker.evaluation.score_files import score_files

    options = ReadOptions(reference_format, hypothesis_format, reference_field, hypothesis_field, encoding)
    files = hypothesis or []
    if normalizer_table:
        score_output.normalizers(reference, files, options, unit.value, alignment.value, missing.value, as_json=as_json)
        return
    scored = score_files(
        reference,
        score_output.only(files),
        speakers=speakers,
        attribute_files=score_output.named_files(attribute or []),
        unit=unit.value,
        alignment=alignment.value,
        normalizer=normalizer,
        missing=missing.value,
        spaces=spaces.value,
        level=level,
        interval=interval.value,
        block=block,
        options=options,
    )
    score_output.write_files(scored, html=html, parquet=parquet)
    score_output.show(scored, as_json=as_json, trn_report=trn_report, worst=worst)
