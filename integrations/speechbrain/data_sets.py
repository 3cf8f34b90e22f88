"""The data of a Brain: manifests (CSV or JSON), their size and speakers, and what a test set is called."""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech_tracker.integrations.speechbrain.manifests import DURATIONS, SPEAKERS

_KINDS = ("csv", "json", "annotation", "manifest")
_TEST = re.compile(rf"^test_?(.*?)_?(?:{'|'.join(_KINDS)})$")
_AUDIO = ("wav", "path", "audio", "file_name")


def listed(value: Any) -> list[str]:
    """Return one path or several as a list of texts."""
    if isinstance(value, Mapping):
        return [str(each) for each in value.values() if isinstance(each, (str, Path))]
    return [] if value is None else [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]


def manifests(hparams: Mapping[str, Any], split: str) -> list[str]:
    """Return the manifests that a recipe names for ``train``, ``valid`` or ``test``.

    >>> manifests({"train_csv": "a.csv", "test_csv": ["b.csv", "c.csv"]}, "test")
    ['b.csv', 'c.csv']
    >>> manifests({"test_clean_csv": "clean.csv", "test_annotation": "other.json"}, "test")
    ['clean.csv', 'other.json']
    """
    if split == "test":
        return [path for key, value in hparams.items() if _TEST.match(key) for path in listed(value)]
    return [path for kind in _KINDS for path in listed(hparams.get(f"{split}_{kind}"))]


def version(manifest: str | Path | None) -> str | None:
    """Return the SHA-256 of a manifest, which changes when its utterances do; None where it cannot be read."""
    try:
        return hashlib.sha256(Path(manifest).read_bytes()).hexdigest()[:16] if manifest else None
    except OSError:
        return None


def _rows(dataset: Any) -> dict[str, Mapping[str, Any]]:
    """The manifest's rows by utterance, of a data set or of the loader of one; of a filtered one what it kept."""
    inner = getattr(dataset, "dataset", dataset)
    rows, kept = getattr(inner, "data", None), getattr(inner, "data_ids", None)
    if not isinstance(rows, Mapping):
        return {}
    return {str(each): rows[each] for each in (rows if kept is None else kept) if isinstance(rows.get(each), Mapping)}


def speakers(dataset: Any) -> dict[str, str]:
    """Return utterance id to speaker, where the manifest says it (``spk_id``); empty where it does not."""
    return _column(dataset, SPEAKERS)


def audio(dataset: Any) -> dict[str, str]:
    """Return utterance id to audio file, as far as the manifest says it."""
    return _column(dataset, _AUDIO)


def _column(dataset: Any, names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for utterance, row in _rows(dataset).items():
        value = next((row[name] for name in names if row.get(name) is not None), None)
        if isinstance(value, (str, int, Path)):
            found[utterance] = str(value)
    return found


def size(dataset: Any) -> dict[str, Any]:
    """Return utterances, hours and speakers of a data set, as far as its manifest tells."""
    found: dict[str, Any] = {}
    with contextlib.suppress(TypeError):  # some iterable data sets have a length that they cannot tell
        found["utterances"] = len(getattr(dataset, "dataset", dataset))
    seconds = [_seconds(row) for row in _rows(dataset).values()]
    if seconds and all(map(math.isfinite, seconds)):
        found["hours"] = sum(seconds) / 3600
    count = len(set(speakers(dataset).values()))
    return {**found, "speakers": count} if count else found


def _seconds(row: Mapping[str, Any]) -> float:
    """Return the duration of an utterance, NaN where the manifest does not say it."""
    value = next((row[name] for name in DURATIONS if row.get(name) is not None), math.nan)
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def name_of_test_set(hparams: Mapping[str, Any], number: int) -> str:
    """Return the name of the test set that is evaluated as the `number`-th (from 0).

    SpeechBrain has no name for it: recipes give it in ``test_wer_file`` (``wer_test-clean.txt``), or list their
    manifests in ``test_csv``.
    """
    wer_file = hparams.get("test_wer_file") or hparams.get("wer_file")
    if wer_file:
        stem = re.sub(r"^(?:wer|cer|per)_", "", Path(str(wer_file)).stem)
        if stem not in ("wer", "cer", "per"):
            return stem
    paths = manifests(hparams, "test")
    if number < len(paths):
        return Path(paths[number]).stem
    return "test" if number == 0 else f"test_{number + 1}"


def batch_seconds(batch: Any, sample_rate: float | None) -> Any:
    """Return the seconds of audio of a batch, None where it does not tell them.

    A batch of SpeechBrain's has ``sig`` with its samples, padded, and the part of each row that is no padding.
    """
    from speech_tracker.integrations.torch_facts import audio_seconds

    told = audio_seconds(batch, sample_rate)
    signal = getattr(batch, "sig", None) if told is None and sample_rate else None
    if not isinstance(signal, tuple) or len(signal) != 2:
        return told
    return signal[1].detach().sum() * signal[0].shape[1] / sample_rate
