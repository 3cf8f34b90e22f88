"""What data sets a Trainer was given, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from speech_tracker.integrations import torch_facts
from speech_tracker.metric_names import Stage


def named_loaders(loaders: Any) -> list[tuple[str | None, Any]]:
    """Return (name, loader) of whatever the Trainer was given: one, a list, or a dictionary, nested as they may be."""
    if loaders is None:
        return []
    if isinstance(loaders, Mapping):
        return [(str(key), each) for key, value in loaders.items() for _, each in named_loaders(value)]
    if isinstance(loaders, (list, tuple)):
        return [pair for value in loaders for pair in named_loaders(value)]
    return [(torch_facts.dataset_name(loaders), loaders)]


def set_names(loaders: Any, given: Sequence[str]) -> list[str | None]:
    """Return the name of each data set, by number: given, or a dictionary's key, or the data set's own; else its number.

    A single set that nobody named has none.
    """
    found: list[str | None] = [name for name, _ in named_loaders(loaders)]
    names = [given[i] if i < len(given) else name for i, name in enumerate(found)]
    if len(names) > 1:
        names = [name or str(i) for i, name in enumerate(names)]
        # two sets of one name would become one curve
        names = [f"{name}-{i}" if names.count(name) > 1 else name for i, name in enumerate(names)]
    return names


def label(names: Sequence[str | None], number: int, stage: str) -> str:
    """Return what a data set is called on its own: ``valid`` or ``test-1`` where nobody named it."""
    name = names[number] if number < len(names) else str(number)
    return stage if name is None else f"{stage}-{name}" if name.isdigit() else name


def set_of(names: Sequence[str | None], number: int | None, stage: Stage) -> str | None:
    """Return the part of a metric's name that says which data set; a single one for validation needs none."""
    if number is not None:
        return names[number] if number < len(names) else str(number)
    return names[0] if stage == "test" and len(names) == 1 else None


def speech_of_loaders(stage: Stage, loaders: Sequence[Any], labels: Sequence[str]) -> dict[str, Any]:
    """Return what the loaders of a stage add to the description; they are made later than everything else."""
    if stage == "test":
        return {"data": {"test_sets": list(labels)}}
    facts = [{**torch_facts.loader_facts(loader), **torch_facts.dataset_facts(loader)} for loader in loaders]
    if stage == "valid":
        return {"data": _sums(facts, ("utterances",), stage)}
    named = [label for label, loader in zip(labels, loaders, strict=True) if torch_facts.dataset_name(loader)]
    # the speakers of two sets may be the same
    data = _sums(facts, ("utterances", "hours") if len(facts) > 1 else ("utterances", "hours", "speakers"), stage)
    sizes = {"training": {"batch_size": facts[0]["batch_size"]}} if facts and "batch_size" in facts[0] else {}
    return {"data": {**data, **({"datasets": named} if named else {})}, **sizes}


def _sums(facts: Sequence[Mapping[str, Any]], names: Sequence[str], stage: Stage) -> dict[str, Any]:
    """Return what all loaders tell, added up."""
    return {
        f"{stage}_{name}": sum(each[name] for each in facts) for name in names if all(name in each for each in facts)
    }
