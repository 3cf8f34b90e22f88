"""SpeechBrain experiments below a folder: the output folders of recipes become runs. SpeechBrain need not be there."""

from __future__ import annotations

from speech_tracker.ingest.folder_ingester import FolderIngester
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.reading import ReadFile
from speech_tracker.ingest.walk import FileRole, Tree
from speech_tracker.integrations.speechbrain.assemble import assemble
from speech_tracker.integrations.speechbrain.layout import PRUNED, SIGNS, role_of
from speech_tracker.integrations.speechbrain.reading import PARSERS


class SpeechBrainIngester(FolderIngester[FileRole]):
    """Reads the SpeechBrain experiments below a folder: an output folder, ``results/``, a whole recipe.

    Args:
        source: what to read.
    """

    parsers = PARSERS
    signs = SIGNS
    pruned = PRUNED

    def role_of(self, name: str, folders: tuple[str, ...]) -> FileRole | None:
        """Return what a file is, None when it is of no use."""
        return role_of(name, folders)

    def assemble(self, tree: Tree[FileRole], files: list[ReadFile[FileRole]], *, now: float, follow: bool) -> Found:
        """Return the description of everything."""
        return assemble(tree, files, now=now, follow=follow)
