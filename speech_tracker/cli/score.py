"""`speech-tracker score REF HYP`: error rates with their certainty, speakers and worst utterances."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from speech_tracker.cli import scoring_options as shared


class _Spaces(str, Enum):
    keep = "keep"
    remove = "remove"


def score(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="Reference transcripts, or a file of both sides.")],
    hypothesis: Annotated[list[Path] | None, typer.Argument(metavar="HYP", help="Hypothesis transcripts.")] = None,
    speakers: shared.Speakers = None,
    attribute: shared.Attribute = None,
    unit: shared.UnitOption = shared.Unit.word,
    alignment: Annotated[
        shared.Alignment, typer.Option(help="Whose choice between equal alignments.")
    ] = shared.Alignment.kaldi,
    normalizer: shared.Normalizer = "none",
    missing: shared.MissingOption = shared.Missing.error,
    spaces: Annotated[_Spaces, typer.Option(help="For --unit char: is a space a character?")] = _Spaces.keep,
    worst: Annotated[int, typer.Option(min=0, help="Utterances to show with their alignment.")] = 10,
    level: shared.Level = 0.95,
    interval: Annotated[shared.Method, typer.Option(help="How the interval is made.")] = shared.Method.percentile,
    block: shared.Block = "auto",
    as_json: shared.AsJson = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page that needs no network.")] = None,
    trn_report: Annotated[bool, typer.Option("--trn-report", help="Print a report like sclite's.")] = False,
    normalizer_table: Annotated[
        bool, typer.Option("--normalizer-table", help="Error rate of each HYP under each normalizer.")
    ] = False,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every utterance, for DuckDB.")] = None,
    reference_format: shared.ReferenceFormat = "auto",
    hypothesis_format: shared.HypothesisFormat = "auto",
    reference_field: shared.ReferenceField = None,
    hypothesis_field: shared.HypothesisField = None,
    encoding: shared.Encoding = "utf-8",
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
    score_output.show(scored, as_json=as_json, trn_report=trn_report, worst=worst)
    score_output.write_files(scored, html=html, parquet=parquet)  # a full disk must not cost the numbers
