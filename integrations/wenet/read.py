"""How the files of a WeNet experiment are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.ingest import endings, markdown_tables, reading, walk
from speech_tracker.ingest.codec import RecordCodec
from speech_tracker.ingest.endings import ENDINGS
from speech_tracker.ingest.markdown_tables import parse_markdown
from speech_tracker.ingest.reading import Parsers
from speech_tracker.integrations.wenet import checkpoints, sdk_logs, train_logs, wer_files
from speech_tracker.integrations.wenet.layout import FileRole
from speech_tracker.integrations.wenet.sdk_logs import DecoderFigure

LOG = train_logs.TRAIN + sdk_logs.SDK + ENDINGS


def parse_rtf(data: bytes) -> Iterable[Any]:
    """Return the one number in a file ``rtf``: the mean over the jobs of ``tools/decode.sh``."""
    text = data.decode("ascii", "replace").strip()
    try:
        return (DecoderFigure("rtf", float(text)),)
    except ValueError:
        return (Problem(1, shown(text), "expected one number"),)


PARSERS = Parsers(
    logs={"log": LOG},
    whole={
        "wer": wer_files.parse_totals,
        "checkpoint": checkpoints.parse_checkpoint_info,
        "config": checkpoints.parse_configuration,
        "rtf": parse_rtf,
        "page": parse_markdown,
    },
    codec=RecordCodec((train_logs, sdk_logs, wer_files, checkpoints, endings, markdown_tables)),
)

ReadFile: TypeAlias = reading.ReadFile[FileRole]
Tree: TypeAlias = walk.Tree[FileRole]
Entry: TypeAlias = walk.Entry[FileRole]
