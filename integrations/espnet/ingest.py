"""ESPnet2 experiments below a folder: what its recipes leave becomes runs. ESPnet need not be installed."""

from __future__ import annotations

import re
from pathlib import Path

from speech_tracker.ingest.folder_ingester import FolderIngester
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.recognise import Sign
from speech_tracker.integrations.espnet.assemble import assemble
from speech_tracker.integrations.espnet.layout import EspnetRole, role_of
from speech_tracker.integrations.espnet.read import PARSERS, ReadFile, Tree

PRUNED = re.compile(
    r"^(\.git|\.backup|\.speech_tracker|__pycache__|wandb|wav|audio|sync|q|sdata|tensorboard|split\d+(utt)?)$"
)
"""Folders without results: what was submitted to a queue, parts of data, sounds that were made."""

SIGNS = (
    Sign(
        r"/(train|run)(\.\d+)?\.log$",
        "is the log of its trainer",
        rb"espnet2[./](bin|tasks)|\(trainer:\d+\) INFO: (\d+epoch|\d+/\d+epoch)",
    ),
    Sign(r"/\w+_inference(\.\d+)?\.log$", "is the log of its decoding", rb"espnet2[./]bin|_inference:\d+\) INFO"),
    Sign(
        r"/config\.yaml$",
        "is the configuration of its training",
        rb"\A(?=(?s:.*)\noutput_dir:)(?=(?s:.*)\ntrain_data_path_and_name_and_type:)",
    ),
    Sign(r"/score_(wer|cer|ter)/(result\.txt|ref\.trn|hyp\.trn)$", "is made by its scoring"),
    Sign(r"/(asr|st|mt|tts|enh|slu|s2t)\.sh$", "is the script of its recipes", rb"espnet2|ESPnet"),
    Sign(r"/(RESULTS?(\.md)?|README\.md)$", "tells of its results", rb"espnet2? version|\|dataset\|Snt\|Wrd\|"),
)
"""What only ESPnet's programs and scripts write."""


class EspnetIngester(FolderIngester[EspnetRole]):
    """Reads the ESPnet2 experiments below a folder: a model folder, a decoded test set, `exp/`, a whole recipe.

    Args:
        source: what to read.
    """

    parsers = PARSERS
    signs = SIGNS
    pruned = PRUNED

    def narrowed(self, root: Path) -> tuple[Path, tuple[str, ...]]:
        """Return the folder of the model that decodes belong to."""
        return _with_model(root)

    def role_of(self, name: str, folders: tuple[str, ...]) -> EspnetRole | None:
        """Return what a file is."""
        return role_of(name, folders)

    def assemble(self, tree: Tree, files: list[ReadFile], *, now: float, follow: bool) -> Found:  # noqa: ARG002
        """Return the description of everything; what ESPnet has said of an epoch does not change, followed or not."""
        return assemble(tree, files, now=now)


def _with_model(root: Path) -> tuple[Path, tuple[str, ...]]:
    """What was decoded belongs to the model above it: return that, and the pattern that leaves the rest out."""
    place = root.resolve()
    if not root.is_dir() or (place / "config.yaml").is_file() or (place / "train.log").is_file():
        return root, ()
    for levels, folder in enumerate(place.parents):
        if levels > 3 or folder.name == "exp":  # <tag>/<set>/score_wer
            break
        if (folder / "config.yaml").is_file() and ((folder / "train.log").is_file() or folder.parent.name == "exp"):
            return folder, (place.relative_to(folder).as_posix(),)
    return root, ()
