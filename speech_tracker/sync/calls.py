"""What can be said to W&B, as plain frozen values: made by `project`, carried out by a session (`client`).

Values are numbers, text, lists and dictionaries of them, or one of the media below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its cells are plain values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table that lies in a file of the run's folder (``{"columns": …, "rows": …}``)."""

    path: Path


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file."""

    path: Path
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio file."""

    path: Path
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of HTML."""

    html: str


@dataclass(frozen=True, slots=True)
class Describe:
    """What the run is called: replaces what was there."""

    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Configure:
    """Configuration; each key replaces what was there."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Define:
    """How a metric is drawn and summed up.

    Attributes:
        key: the metric.
        axis: ``step``, ``epoch``, or None for W&B's own counter.
        summary: ``min``, ``max``, or None for the last value.
    """

    key: str
    axis: str | None
    summary: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the history; the number of a row is its place among all rows of the run.

    Attributes:
        values: key to number or media, the axes ``step`` and ``epoch`` among them.
        time: seconds since the epoch.
    """

    values: Mapping[str, Any]
    time: float


@dataclass(frozen=True, slots=True)
class Summarize:
    """Values of the summary; each key replaces what was there."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Publish:
    """A version of an artifact.

    Attributes:
        identity: the same for the same thing, so that it is sent once.
        name, type, aliases, metadata: as in W&B.
        texts: (name in the artifact, content) of small files made here; they make versions differ.
        references: (path, name) of files that are referred to and stay where they are.
        uploads: (path, name) of files and folders that are uploaded.
        consumed: whether the run uses it rather than makes it.
    """

    identity: str
    name: str
    type: str
    aliases: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    texts: tuple[tuple[str, str], ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    uploads: tuple[tuple[str, str], ...] = ()
    consumed: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """A message for people; `identity` as in `Publish`."""

    identity: str
    title: str
    text: str
    level: str


@dataclass(frozen=True, slots=True)
class Preempting:
    """The job is about to be stopped and will come back."""


Call = Describe | Configure | Define | Row | Summarize | Publish | Alert | Preempting
