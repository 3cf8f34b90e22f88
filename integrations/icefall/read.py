"""How the files of an icefall experiment are read."""

from __future__ import annotations

from typing import TypeAlias

from speech_tracker.ingest import endings, markdown_tables, reading, walk
from speech_tracker.ingest.codec import RecordCodec
from speech_tracker.ingest.endings import ENDINGS
from speech_tracker.ingest.markdown_tables import parse_markdown
from speech_tracker.ingest.reading import Parsers
from speech_tracker.integrations.icefall import decode_logs, errs, params, recogs, train_logs
from speech_tracker.integrations.icefall.layout import FileRole

TRAIN = train_logs.TRAIN + ENDINGS
DECODE = decode_logs.DECODE + ENDINGS

PARSERS = Parsers(
    logs={"train": TRAIN, "output": TRAIN, "decode": DECODE},
    whole={"errs": errs.parse_errs, "summary": errs.parse_summary, "page": parse_markdown},
    codec=RecordCodec((train_logs, decode_logs, errs, params, recogs, endings, markdown_tables)),
    must_say={"errs": "no counts of errors are in it", "summary": "no setting with its error rate is in it"},
)

ReadFile: TypeAlias = reading.ReadFile[FileRole]
Tree: TypeAlias = walk.Tree[FileRole]
Entry: TypeAlias = walk.Entry[FileRole]
