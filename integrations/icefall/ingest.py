"""icefall's experiments below a folder: the one place that walks, and whose result becomes runs."""

from __future__ import annotations

from pathlib import Path

from speech_tracker.ingest.folder_ingester import FolderIngester
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.recognise import Sign
from speech_tracker.integrations.icefall import read
from speech_tracker.integrations.icefall.assemble import assemble
from speech_tracker.integrations.icefall.layout import FileRole, role_of
from speech_tracker.integrations.icefall.names import is_method_folder


class IcefallIngester(FolderIngester[FileRole]):
    """Reads the experiments of icefall below a folder: an ``exp`` folder, a recipe, a tree of recipes.

    Args:
        source: what to read; of a folder ``log`` or of a search, the experiment above is meant.
    """

    parsers = read.PARSERS
    signs = (
        Sign(r"/log-(train|decode)-[^/]*\d{4}(-\d\d){5}(-\d+)?$", "is a log of icefall"),
        Sign(r"/(recogs|errs|wer-summary|cer-summary)-[^/]+\.txt$", "is a result of icefall"),
        Sign(r"/RESULTS[^/]*\.md$", "tells results of icefall", rb"icefall"),
    )

    def narrowed(self, root: Path) -> tuple[Path, tuple[str, ...]]:
        """Return the experiment that a folder of logs or of a search belongs to."""
        experiment = root.resolve()
        below: list[str] = []
        while experiment.name == "log" or is_method_folder(experiment.name):
            below.insert(0, experiment.name)
            experiment = experiment.parent
        return (experiment, ("/".join(below),)) if below and experiment != Path(experiment.anchor) else (root, ())

    def role_of(self, name: str, folders: tuple[str, ...]) -> FileRole | None:  # noqa: ARG002 - names say enough
        """Return what a file is, None when it is of no use."""
        return role_of(name)

    def assemble(self, tree: read.Tree, files: list[read.ReadFile], *, now: float, follow: bool) -> Found:
        """Return the description of everything."""
        return assemble(tree, files, now=now, follow=follow)
