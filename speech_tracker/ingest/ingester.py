"""What a toolkit's package offers so that its experiments can be ingested, and which toolkits do."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from speech_tracker.errors import InvalidArgumentError, explain
from speech_tracker.ingest.found import Found


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be ingested.

    Attributes:
        root: the folder, as the user gave it.
        include: shell patterns; only files that fit one are read.
        exclude: shell patterns of files and folders to leave out.
        state: file that remembers what was read; None to remember nothing.
        progress: told how many files there are and how many have been read.
    """

    root: Path
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    state: Path | None = None
    progress: Callable[[int, int], None] | None = None


class Ingester(Protocol):
    """Reads the experiments of one toolkit below one folder, again and again."""

    def find(self, *, follow: bool = False) -> Found:
        """Read what is new, and return the description of everything.

        Args:
            follow: whether the experiment goes on, so that values that may still change are marked.
        """

    @property
    def changes(self) -> int:
        """Files that were new or different in the last `find`."""

    def save(self) -> None:
        """Remember what was read, for the next process."""


class IngesterFactory(Protocol):
    """Makes the ingester of a toolkit; `recognises` tells by what a folder is one of its experiments."""

    def __call__(self, source: Source) -> Ingester:
        """Return an ingester for a folder."""

    def recognises(self, root: Path) -> str | None:
        """Return by what a folder is known to be an experiment of this toolkit, as a sentence; None when it is not."""


INGESTERS: dict[str, str] = {
    "espnet": "speech_tracker.integrations.espnet.ingest:EspnetIngester",
    "fairseq": "speech_tracker.integrations.fairseq.ingest:FairseqIngester",
    "icefall": "speech_tracker.integrations.icefall.ingest:IcefallIngester",
    "lightning": "speech_tracker.integrations.lightning.ingest:LightningIngester",
    "speechbrain": "speech_tracker.integrations.speechbrain.ingest:SpeechBrainIngester",
    "wenet": "speech_tracker.integrations.wenet.ingest:WenetIngester",
    "kaldi": "speech_tracker.integrations.kaldi.ingest:KaldiIngester",
}
"""Toolkit → `module:class`. Kaldi is the last: ESPnet's and icefall's recipes have its scripts and folders too."""

TITLES: dict[str, str] = {
    "espnet": "ESPnet",
    "fairseq": "Fairseq",
    "icefall": "icefall",
    "kaldi": "Kaldi",
    "lightning": "Lightning",
    "speechbrain": "SpeechBrain",
    "wenet": "WeNet",
}
"""Toolkit → how its makers write it."""


def ingester_of(toolkit: str) -> IngesterFactory:
    """Return what makes the ingester of a toolkit.

    Raises:
        InvalidArgumentError: no such toolkit.
    """
    try:
        module, _, name = INGESTERS[toolkit].partition(":")
    except KeyError:
        raise InvalidArgumentError(
            explain("unknown toolkit", got=toolkit, expected=f"one of {', '.join(INGESTERS)}", remedy="correct it")
        ) from None
    return cast("IngesterFactory", getattr(importlib.import_module(module), name))


def toolkits_of(root: Path) -> dict[str, str]:
    """Return the toolkits whose experiments a folder holds, the most likely first, each with what it is known by."""
    known = ((toolkit, ingester_of(toolkit).recognises(root)) for toolkit in INGESTERS)
    return {toolkit: why for toolkit, why in known if why is not None}
