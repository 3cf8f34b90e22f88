"""Lightning's own folders: what its loggers and its ModelCheckpoint leave. Lightning need not be installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from speech_tracker.ingest import endings
from speech_tracker.ingest.codec import RecordCodec
from speech_tracker.ingest.folder_ingester import FolderIngester
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.reading import Parsers, ReadFile
from speech_tracker.ingest.recognise import Sign
from speech_tracker.ingest.walk import FileRole, Tree
from speech_tracker.integrations.lightning import event_files, hparams_yaml, layout, metrics_csv, trainer_output
from speech_tracker.integrations.lightning.assemble import assemble

_EMPTY: Mapping[str, str] = {"metrics": "no row of values is in it"}


class LightningIngester(FolderIngester[FileRole]):
    """Reads the trainings below a folder: a ``version_*`` folder, ``lightning_logs``, or one above them."""

    parsers: ClassVar[Parsers] = Parsers(
        logs={"output": trainer_output.OUTPUT},
        whole={
            "metrics": metrics_csv.parse_metrics_csv,
            "hparams": hparams_yaml.parse_hparams,
            "events": event_files.parse_events,
        },
        codec=RecordCodec((metrics_csv, hparams_yaml, trainer_output, endings)),
        must_say=_EMPTY,
        may_be_empty=frozenset({"hparams", "output"}),
        binary=frozenset({"events"}),
        # what could not be read for want of tensorboard is read once it is there
        version="1+tensorboard" if event_files.AVAILABLE else "1",
    )
    signs: ClassVar[tuple[Sign, ...]] = layout.SIGNS

    def role_of(self, name: str, folders: tuple[str, ...]) -> FileRole | None:
        """Return what a file is, None when it is of no use."""
        return layout.role_of(name)

    def assemble(self, tree: Tree[FileRole], files: list[ReadFile[FileRole]], *, now: float, follow: bool) -> Found:
        """Return the description of all trainings."""
        return assemble(tree, files, now=now, follow=follow)
