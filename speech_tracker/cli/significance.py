"""`speech-tracker significance`: is one system better than another?"""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class _Unit(str, Enum):
    word = "word"
    char = "char"
    mixed = "mixed"


class _Alignment(str, Enum):
    sclite = "sclite"
    kaldi = "kaldi"
    align_text = "align-text"
    jiwer = "jiwer"


class _Missing(str, Enum):
    error = "error"
    deletions = "deletions"
    skip = "skip"


class _Method(str, Enum):
    percentile = "percentile"
    normal = "normal"
    bca = "bca"
    t = "t"


def significance(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="Reference transcripts.")],
    hypotheses: Annotated[list[Path], typer.Argument(metavar="HYP_A HYP_B...", help="Two or more systems' output.")],
    speakers: Annotated[Path | None, typer.Option(help="utt2spk file: whole speakers are resampled.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(metavar="NAME=FILE", help="utt2… file of a group.")] = None,
    unit: Annotated[_Unit, typer.Option(help="What is counted.")] = _Unit.word,
    alignment: Annotated[_Alignment, typer.Option(help="sclite gives the segments of sc_stats.")] = _Alignment.sclite,
    normalizer: Annotated[str, typer.Option(help="Name, a+b, glm:FILE or FILE.py:function.")] = "none",
    missing: Annotated[_Missing, typer.Option(help="References without hypothesis.")] = _Missing.error,
    level: Annotated[float, typer.Option(min=0.5, max=0.9999, help="Coverage of the intervals.")] = 0.95,
    method: Annotated[_Method, typer.Option(help="How the intervals' ends are got.")] = _Method.percentile,
    block: Annotated[str, typer.Option(help="What is resampled: auto, utterance or an attribute.")] = "auto",
    replications: Annotated[int, typer.Option(min=1, max=1_000_000, help="Bootstrap resamples.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout; rates are fractions.")] = False,
) -> None:
    """Compare systems on one test set: MAPSSWE as NIST's sc_stats, paired bootstrap, McNemar, Wilcoxon, sign test.

    Differences are those of the later system from the earlier one: negative where it is better.
    """
    from speech_tracker.cli.score_output import named_files
    from speech_tracker.evaluation.compare_files import compare_files
    from speech_tracker.evaluation.comparison_text import comparison_text

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
    )
    for remark in compared.remarks:
        typer.echo(remark, err=True)
    if as_json:
        typer.echo(json.dumps(compared.comparison.as_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        typer.echo(comparison_text(compared.comparison))
