"""Evaluations as W&B shows them: a few numbers of each test set, small tables, and a file with every utterance.

Of several evaluations of one test set (a decoding sweep) the summary has the selected one: the last, or the last that
was recorded with ``selected=True``. All of them are rows of one table, never keys of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from speech_tracker.evaluation_record import place_of
from speech_tracker.sync.alignment_page import alignment_page
from speech_tracker.sync.calls import Call, Publish, Summarize, Table
from speech_tracker.sync.names import Keys, aliases, artifact_name

METRICS = 50
"""Numbers of one evaluation of another task that are taken over."""

_RATES = ("wer", "cer", "mixed_error_rate")
_COUNTS = ("errors", "hits", "substitutions", "deletions", "insertions")


class Evaluations:
    """Folds a run's evaluations.

    Args:
        folder: the run's folder.
        keys: gives the keys.
    """

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._folder = folder
        self._keys = keys
        self._all: dict[str, list[dict[str, Any]]] = {}
        self._chosen: set[tuple[str, str]] = set()

    def feed(self, identity: str, data: dict[str, Any]) -> Iterator[Call]:
        """Yield what an evaluation leads to at once."""
        test_set = data["test_set"]
        self._all.setdefault(test_set, []).append(data)
        unit = data.get("unit", "")
        selected = bool(data.get("metadata", {}).get("selected"))
        if selected or (test_set, unit) not in self._chosen:
            if selected:
                self._chosen.add((test_set, unit))
            yield Summarize(dict(self._summary(test_set, data)))
        if data.get("file"):
            yield Publish(
                identity=identity,
                name=artifact_name("evaluation", self._folder.name, test_set, "" if unit == "word" else unit),
                type="evaluation",
                aliases=aliases(*(f"{axis}-{data[axis]}" for axis in ("epoch", "step") if axis in data)),
                metadata={key: value for key, value in _facts(data).items() if value is not None},
                uploads=((str(self._folder / data["file"]), Path(data["file"]).name),),
            )

    def _summary(self, test_set: str, data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        place = place_of(data)
        validation = not place.startswith("test/")

        def key(name: str) -> str:
            return self._keys.of(f"{place}/{name}")

        for rate in (name for name in _RATES if name in data):
            if not validation:  # of a validation the rate is a curve already, whose summary is its best value
                yield key(rate), data[rate]
            interval = data.get(f"{rate}_ci")
            if interval:
                yield key(f"{rate}_ci_low"), interval["low"]
                yield key(f"{rate}_ci_high"), interval["high"]
        for name in ("sentence_error_rate", "reference_length"):
            # characters are not words: where both were scored, the words' counts are the test set's
            other = data.get("unit") != "word" and any(each.get("unit") == "word" for each in self._all[test_set])
            if name in data and not other:
                yield key(name), data[name]
        for name, value in list(data.get("metrics", {}).items())[:METRICS]:
            yield key(name), value
        suffix = "" if data.get("unit", "word") == "word" else f"_{data['unit']}"
        if data.get("worst"):
            yield key(f"worst_utterances{suffix}"), _worst(data["worst"])
            yield key(f"worst_alignments{suffix}"), alignment_page(data["worst"])
        if data.get("speakers"):
            yield key(f"speakers{suffix}"), _table(data["speakers"])

    def sweeps(self) -> dict[str, Any]:
        """Return, for each test set that was evaluated more than once, one table of all its evaluations."""
        return {
            self._keys.of(f"decode/{test_set}"): _table([_flat(_facts(data)) for data in evaluations])
            for test_set, evaluations in self._all.items()
            if len(evaluations) > 1
        }


def _facts(data: dict[str, Any]) -> dict[str, Any]:
    names = ("test_set", "unit", "step", "epoch", "checkpoint", *_RATES, "sentence_error_rate", "reference_length",
             "alignment", "decoding", "normalizer")  # fmt: skip
    own = {name: data[name] for name in names if name in data}
    return {**own, **data.get("metrics", {}), **data.get("metadata", {})}


def _flat(facts: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{inner}": each for inner, each in value.items()})
        else:
            flat[name] = value
    return flat


def _worst(rows: list[dict[str, Any]]) -> Table:
    shown = []
    for row in rows:
        pairs = row.get("alignment", [])
        shown.append({
            **{name: value for name, value in row.items() if name not in ("alignment", *_COUNTS)},
            **{name: row[name] for name in _COUNTS if name in row},
            "reference": " ".join(pair[0] for pair in pairs if pair[0]),
            "hypothesis": " ".join(pair[1] for pair in pairs if pair[1]),
        })  # fmt: skip
    return _table(shown)


def _table(rows: list[dict[str, Any]]) -> Table:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return Table(columns, tuple(tuple(_cell(row.get(name)) for name in columns) for row in rows))


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
