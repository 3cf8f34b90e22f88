"""What the logs say of searches: with which model, of which set, how, and with which result."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from speech_tracker.ingest.reading import ReadFile
from speech_tracker.ingest.walk import FileRole
from speech_tracker.integrations.fairseq.decoding_logs import (
    Decoded,
    ModelsLoaded,
    RatePrinted,
    ResultPrinted,
    SetNamed,
)
from speech_tracker.integrations.fairseq.facts import setting
from speech_tracker.integrations.fairseq.training_logs import Configuration

_OPTIONS = {
    "beam": "beam_size",
    "nbest": "nbest",
    "lenpen": "length_penalty",
    "unkpen": "unknown_penalty",
    "lm_weight": "lm_weight",
    "lm_path": "language_model",
    "max_len_a": "max_length_a",
    "max_len_b": "max_length_b",
    "sampling": "sampling",
    "temperature": "temperature",
}
_INFER_OPTIONS = {
    "type": "method",
    "beam": "beam_size",
    "nbest": "nbest",
    "lmweight": "lm_weight",
    "wordscore": "word_insertion_penalty",
    "silweight": "silence_weight",
    "unkweight": "unknown_weight",
    "beamthreshold": "beam_threshold",
    "beamsizetoken": "beam_size_token",
    "lmpath": "language_model",
    "lexicon": "lexicon",
}


@dataclass(slots=True)
class Search:
    """What is known of one search, apart from its hypotheses.

    Attributes:
        config: as `config_text.parse_config` returns it; empty where it was not printed.
        model: checkpoint, as printed; the first one of an ensemble.
        subset: that was decoded.
        metric: that was printed: ``wer``, ``bleu``, ….
        printed: its value, in **percent** or points.
        line: where that stands.
        beam: size, as printed with the result.
        sentences: that were searched.
        tokens: that were found.
        seconds: of the search alone.
        ensemble: all checkpoints, as printed; ``""`` where there is one only.
    """

    config: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    subset: str = ""
    metric: str = ""
    printed: float | None = None
    line: int | None = None
    beam: int | None = None
    sentences: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    ensemble: str = ""

    @property
    def results_path(self) -> str | None:
        """Folder of the hypotheses, as printed."""
        named = setting(self.config, "common_eval", "results_path")
        return named if isinstance(named, str) and named else None

    def models_are(self, paths: str) -> None:
        """Take the checkpoints, as `fairseq.utils.split_paths` does."""
        several = paths.split("|" if "://" in paths else ":")
        self.model, self.ensemble = several[0], paths if len(several) > 1 else ""

    def decoding(self) -> dict[str, Any]:
        """Return the settings of the search under our names."""
        found = {ours: setting(self.config, "generation", theirs) for theirs, ours in _OPTIONS.items()}
        if self.beam is not None:
            found["beam_size"] = self.beam
        if found["beam_size"] is not None:
            found["method"] = "greedy" if found["beam_size"] == 1 else "beam"
        if not found["language_model"]:
            found["lm_weight"] = None
        found["ensemble"] = self.ensemble or None
        return {name: value for name, value in found.items() if value not in (None, False)}

    def facts(self) -> dict[str, Any]:
        """Return what else is known."""
        found: dict[str, Any] = {"model": self.model or None, "tokens": self.tokens, "search_seconds": self.seconds}
        if self.metric and self.printed is not None:
            found["printed"] = {self.metric: self.printed}
        return {name: value for name, value in found.items() if value is not None}


def search_in(file: ReadFile[FileRole], first_line: int, last_line: int) -> Search:
    """Return what the lines of a log say of the search that ends in them.

    Args:
        file: the log.
        first_line: from 1.
        last_line: likewise; the search's own line with the result.
    """
    search = Search()
    for record in file.records:
        line = getattr(record, "line_number", 0)
        if not first_line <= line <= last_line:
            continue
        if isinstance(record, Configuration):
            search.config = json.loads(record.settings)
        elif isinstance(record, ModelsLoaded):
            search.models_are(record.paths)
        elif isinstance(record, SetNamed):
            search.subset = record.name
        elif isinstance(record, Decoded):
            search.sentences, search.tokens, search.seconds = record.sentences, record.tokens, record.seconds
        elif isinstance(record, RatePrinted):
            search.metric, search.printed, search.line = "wer", record.percent, line
        elif isinstance(record, ResultPrinted):
            search.subset, search.beam = record.subset, record.beam
            search.metric, search.printed, search.line = record.metric, record.value, line
    _complete(search)
    return search


def _complete(search: Search) -> None:
    named = setting(search.config, "dataset", "gen_subset")
    if not search.subset and isinstance(named, str):
        search.subset = named
    path = setting(search.config, "common_eval", "path")
    if not search.model and isinstance(path, str):
        search.models_are(path)


def searches_elsewhere(files: Iterable[ReadFile[FileRole]]) -> dict[tuple[str, str], Search]:
    """Return the searches whose hypotheses went to files of their own: (name of the folder, subset) → the search.

    ``fairseq-generate --results-path res`` says the settings on standard output, and writes ``res/generate-test.txt``.
    """
    found = {}
    for file in files:
        starts = [each.line_number for each in file.records if isinstance(each, Configuration)]
        for start, following in itertools.pairwise([*starts, sys.maxsize]):
            end = following - 1
            search = search_in(file, start, end)
            if search.results_path is not None:
                found[PurePosixPath(search.results_path).name, search.subset] = search
    return found


def inference_options(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that `infer.py` writes beside a rate, under our names.

    The score of a word is a bonus there: more of it means more words.
    """
    found = {ours: settings.get(theirs) for theirs, ours in _INFER_OPTIONS.items()}
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in found.items()
        if value not in (None, "")
    }
