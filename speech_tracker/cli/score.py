"""`speech-tracker score REF HYP`: error rates with their certainty, speakers and worst utterances."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class _Unit(str, Enum):
    word = "word"
    char = "char"
    mixed = "mixed"


class _Alignment(str, Enum):
    kaldi = "kaldi"
    align_text = "align-text"
    sclite = "sclite"
    jiwer = "jiwer"


class _Missing(str, Enum):
    error = "error"
    deletions = "deletions"
    skip = "skip"


class _Interval(str, Enum):
    percentile = "percentile"
    normal = "normal"
    bca = "bca"
    t = "t"


class _Spaces(str, Enum):
    keep = "keep"
    remove = "remove"


def score(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="Reference transcripts, or a file of both sides.")],
    hypothesis: Annotated[list[Path] | None, typer.Argument(metavar="HYP", help="Hypothesis transcripts.")] = None,
    speakers: Annotated[Path | None, typer.Option(help="utt2spk file; makes the interval one over speakers.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(metavar="NAME=FILE", help="utt2… file of a group.")] = None,
    unit: Annotated[_Unit, typer.Option(help="What is counted.")] = _Unit.word,
    alignment: Annotated[_Alignment, typer.Option(help="Whose choice between equal alignments.")] = _Alignment.kaldi,
    normalizer: Annotated[str, typer.Option(help="Name, a+b, glm:FILE or FILE.py:function.")] = "none",
    missing: Annotated[_Missing, typer.Option(help="References without hypothesis.")] = _Missing.error,
    spaces: Annotated[_Spaces, typer.Option(help="For --unit char: is a space a character?")] = _Spaces.keep,
    worst: Annotated[int, typer.Option(min=0, help="Utterances to show with their alignment.")] = 10,
    level: Annotated[float, typer.Option(min=0.5, max=0.9999, help="Coverage of the interval.")] = 0.95,
    interval: Annotated[_Interval, typer.Option(help="How the interval is made.")] = _Interval.percentile,
    block: Annotated[str, typer.Option(help="What it resamples: auto, utterance, or an attribute.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout; rates are fractions.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page that needs no network.")] = None,
    trn_report: Annotated[bool, typer.Option("--trn-report", help="Print a report like sclite's.")] = False,
    normalizer_table: Annotated[
        bool, typer.Option("--normalizer-table", help="Error rate of each HYP under each normalizer.")
    ] = False,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every utterance, for DuckDB.")] = None,
    reference_format: Annotated[str, typer.Option(help="Format of REF; told from its content.")] = "auto",
    hypothesis_format: Annotated[str, typer.Option(help="Format of HYP; told from its content.")] = "auto",
    reference_field: Annotated[str | None, typer.Option(help="Column or key of the text in REF.")] = None,
    hypothesis_field: Annotated[str | None, typer.Option(help="Column or key of the text in HYP.")] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of the files.")] = "utf-8",
) -> None:
    """Score hypotheses against references: counts that equal Kaldi's and sclite's, with an interval."""
    from speech_tracker.cli import score_output
    from speech_tracker.evaluation.score_files import ReadOptions, score_files

    options = ReadOptions(reference_format, hypothesis_format, reference_field, hypothesis_field, encoding)
    files = hypothesis or []
    if normalizer_table:
        score_output.normalizers(reference, files, options, unit.value, alignment.value, missing.value, as_json=json)
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
    score_output.show(scored, as_json=json, trn_report=trn_report, worst=worst)
