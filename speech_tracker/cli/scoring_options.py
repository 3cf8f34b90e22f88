"""The options that `score` and `significance` have in common."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer


class Unit(str, Enum):
    """What is counted."""

    word = "word"
    char = "char"
    mixed = "mixed"


class Alignment(str, Enum):
    """Whose choice between equal alignments."""

    kaldi = "kaldi"
    align_text = "align-text"
    sclite = "sclite"
    jiwer = "jiwer"


class Missing(str, Enum):
    """What becomes of a reference without hypothesis."""

    error = "error"
    deletions = "deletions"
    skip = "skip"


class Method(str, Enum):
    """How the ends of an interval are got from the resamples."""

    percentile = "percentile"
    normal = "normal"
    bca = "bca"
    t = "t"


Speakers: TypeAlias = Annotated[
    Path | None, typer.Option("--speakers", help="utt2spk file: whole speakers are resampled.")
]
Attribute: TypeAlias = Annotated[
    list[str] | None, typer.Option("--attribute", metavar="NAME=FILE", help="utt2… file of a group.")
]
UnitOption: TypeAlias = Annotated[Unit, typer.Option("--unit", help="What is counted.")]
Normalizer: TypeAlias = Annotated[str, typer.Option("--normalizer", help="Name, a+b, glm:FILE or FILE.py:function.")]
MissingOption: TypeAlias = Annotated[Missing, typer.Option("--missing", help="References without hypothesis.")]
Level: TypeAlias = Annotated[float, typer.Option("--level", min=0.5, max=0.9999, help="Coverage of the interval.")]
Block: TypeAlias = Annotated[str, typer.Option("--block", help="What is resampled: auto, utterance, or an attribute.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; rates are fractions.")]
ReferenceFormat: TypeAlias = Annotated[
    str, typer.Option("--reference-format", help="Format of REF; told from its content.")
]
HypothesisFormat: TypeAlias = Annotated[
    str, typer.Option("--hypothesis-format", help="Format of HYP; told from its content.")
]
ReferenceField: TypeAlias = Annotated[
    str | None, typer.Option("--reference-field", help="Column or key of the text in REF.")
]
HypothesisField: TypeAlias = Annotated[
    str | None, typer.Option("--hypothesis-field", help="Column or key of the text in HYP.")
]
Encoding: TypeAlias = Annotated[str, typer.Option("--encoding", help="Encoding of the files.")]
