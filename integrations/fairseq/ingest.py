"""Fairseq experiments below a folder."""

from __future__ import annotations

from speech_tracker.ingest import endings
from speech_tracker.ingest.codec import RecordCodec
from speech_tracker.ingest.endings import ENDINGS
from speech_tracker.ingest.folder_ingester import FolderIngester
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.ingester import Source
from speech_tracker.ingest.reading import Parsers, ReadFile
from speech_tracker.ingest.recognise import Sign
from speech_tracker.ingest.walk import FileRole, Tree
from speech_tracker.integrations.fairseq import decoding_logs, rate_files, training_logs
from speech_tracker.integrations.fairseq.assemble import assemble
from speech_tracker.integrations.fairseq.layout import role_of
from speech_tracker.integrations.fairseq.log_results import Decodes

_LOG_NAME = r"\.(log|out|err|txt|jsonl)(\.\d+)?$|/(log|nohup|stdout|stderr)$"


class FairseqIngester(FolderIngester[FileRole]):
    """Reads the Fairseq experiments below a folder: logs of trainings and searches, and the files of results.

    Args:
        source: what to read.
    """

    parsers = Parsers(
        logs={"log": training_logs.TRAINING + decoding_logs.DECODING + ENDINGS},
        whole={"rate": rate_files.parse_rate_file},
        codec=RecordCodec((training_logs, decoding_logs, rate_files, endings)),
        version="1",
        head=decoding_logs.hypotheses_inside,
    )
    signs = (
        Sign(_LOG_NAME, "is a log of fairseq-train", rb"\bfairseq_cli\.(hydra_)?train\b"),
        Sign(_LOG_NAME, "is a log of fairseq-generate", rb"\bfairseq_cli\.generate\b"),
        Sign(r"/generate-[^/]+\.txt$", "is output of fairseq-generate", rb"(?m)^[HD]-\d+\t"),
        Sign(_LOG_NAME, "is output of fairseq-generate", rb"(?m)^[TS]-\d+\t.*\n[TH]-\d+\t"),
        Sign(_LOG_NAME, "is a log of Fairseq", rb"(\| |\[)fairseq\.(tasks|trainer|checkpoint_utils|models)\b"),
        Sign(_LOG_NAME, "is a log of fairseq-train", rb'(?m)^(\| )?\{"epoch": \d+, "(update|train_loss)": '),
        Sign(_LOG_NAME, "is a log of fairseq-train", rb"(?m)^\| epoch \d+.*\bnum_updates\b"),
        Sign(r"[/.]hypo\.(word|units)[^/]*$", "holds hypotheses of Fairseq's infer.py"),
    )

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._decodes = Decodes()

    def role_of(self, name: str, folders: tuple[str, ...]) -> FileRole | None:
        """Return what a file is, None when it is of no use."""
        return role_of(name, folders)

    def assemble(self, tree: Tree[FileRole], files: list[ReadFile[FileRole]], *, now: float, follow: bool) -> Found:  # noqa: ARG002 - what is printed does not change any more
        """Return the description of everything."""
        return assemble(tree, files, self._decodes, now=now)
