"""The catalog's tables, and how they are brought up to date with the journals."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech_tracker.catalog.place import VERSION, catalog_file
from speech_tracker.catalog.scan import FoundRun, find_segments
from speech_tracker.catalog.segment import SegmentFacts, read_facts
from speech_tracker.catalog.summary import Summary, gone, look_up, summarize, unreadable
from speech_tracker.encoding import decode, encode

Progress = Callable[[int, int], None]
"""Told how many runs there are to read, and how many are read."""

LOCK_TIMEOUT = 2.0
"""Seconds that a catalog which another process writes is waited for; then this process reads without it."""

_TABLES = f"""
CREATE TABLE runs (
    run TEXT PRIMARY KEY, name TEXT, project TEXT, task TEXT, experiment TEXT, status TEXT,
    created REAL, updated REAL, open INTEGER, measured INTEGER, blob BLOB
) WITHOUT ROWID;
CREATE TABLE tags (run TEXT, tag TEXT, PRIMARY KEY (tag, run)) WITHOUT ROWID;
CREATE TABLE languages (run TEXT, language TEXT, PRIMARY KEY (language, run)) WITHOUT ROWID;
CREATE TABLE metrics (run TEXT, name TEXT, last REAL, least REAL, most REAL, blob BLOB, PRIMARY KEY (name, run))
    WITHOUT ROWID;
CREATE TABLE segments (run TEXT, name TEXT, size INTEGER, mtime INTEGER, facts BLOB, PRIMARY KEY (run, name))
    WITHOUT ROWID;
CREATE INDEX runs_created ON runs (created);
CREATE INDEX runs_name ON runs (name);
CREATE INDEX tags_run ON tags (run);
CREATE INDEX languages_run ON languages (run);
CREATE INDEX metrics_run ON metrics (run);
PRAGMA user_version = {VERSION};
"""


@dataclass(slots=True)
class _Changes:
    """What is to be written so that the tables say what the journals say."""

    gone: list[str] = field(default_factory=list)
    runs: dict[str, tuple[Summary, list[tuple[str, int, int, SegmentFacts]]]] = field(default_factory=dict)
    statuses: list[Summary] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.gone or self.runs or self.statuses)


class Catalog:
    """The catalog of one store, up to date when `open_catalog` returns it; to be closed.

    Attributes:
        store: the store.
        connection: the database; its tables are documented at the top of this module.
        path: the database's file, None when the catalog is in memory because no file could be used.
        reason: why it is in memory.
    """

    def __init__(self, store: Path, connection: sqlite3.Connection, path: Path | None, reason: str | None) -> None:
        self.store = store
        self.connection = connection
        self.path = path
        self.reason = reason

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def write(self, apply: Callable[[sqlite3.Connection], None]) -> None:
        """Call `apply` in a transaction; when the file cannot be written, go on with a copy in memory."""
        try:
            _in_transaction(self.connection, apply)
        except sqlite3.OperationalError as error:
            if self.path is None:
                raise
            memory = _connect(None)
            self.connection.backup(memory)
            self.connection.close()
            self.connection, self.path, self.reason = memory, None, str(error)
            _in_transaction(memory, apply)


def open_catalog(store: Path, *, progress: Progress | None = None) -> Catalog:
    """Return the catalog of `store`, brought up to date; where its file cannot be used, one in memory.

    Raises:
        StoreError: the store is no folder, or cannot be read.
    """
    found = find_segments(store)
    path = catalog_file(store)
    reason = "there is no local folder for it"
    if path is not None:
        for _ in range(2):  # a damaged file is thrown away once
            try:
                return _up_to_date(Catalog(store, _connect(path), path, None), found, progress)
            except sqlite3.Error as error:  # noqa: PERF203 - twice at most
                reason = str(error)
                if not _is_damage(error):
                    break
                discard(path)
    return _up_to_date(Catalog(store, _connect(None), None, reason), found, progress)


def rebuild(store: Path, *, progress: Progress | None = None) -> Catalog:
    """Throw the catalog of `store` away and return a new one, the numbers of every run included.

    Raises:
        StoreError: the store is no folder, or cannot be read.
    """
    from speech_tracker.catalog.measure import measure

    find_segments(store)  # first see that there is something to rebuild from
    path = catalog_file(store)
    if path is not None:
        discard(path)
    catalog = open_catalog(store)
    measure(catalog, progress=progress)
    return catalog


def discard(path: Path) -> None:
    """Delete a catalog's file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        try:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        except OSError:  # noqa: PERF203 - a folder in its place, or not ours: then the catalog is kept in memory
            pass


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", timeout=LOCK_TIMEOUT, isolation_level=None)
    try:
        if path is not None:
            connection.execute("PRAGMA synchronous = NORMAL")
        if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            if path is not None:
                connection.execute("PRAGMA journal_mode = WAL")
            _in_transaction(connection, _make_tables)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:  # another process was faster
        return
    for statement in _TABLES.split(";"):
        connection.execute(statement)


def _in_transaction(connection: sqlite3.Connection, apply: Callable[[sqlite3.Connection], None]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        apply(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _is_damage(error: sqlite3.Error) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return bool(re.match(r"no such (table|column)|table \S+ has", str(error)))
    return isinstance(error, sqlite3.DatabaseError)


def _up_to_date(catalog: Catalog, found: dict[str, FoundRun], progress: Progress | None) -> Catalog:
    try:
        changes = _compare(catalog, found, progress)
        if changes:
            catalog.write(lambda connection: _apply(connection, changes))
    except BaseException:
        catalog.connection.close()
        raise
    return catalog


def _compare(catalog: Catalog, found: dict[str, FoundRun], progress: Progress | None) -> _Changes:
    known: dict[str, dict[str, tuple[int, int]]] = {}
    for run, name, size, mtime in catalog.connection.execute("SELECT run, name, size, mtime FROM segments"):
        known.setdefault(run, {})[name] = (size, mtime)
    there = {run for (run,) in catalog.connection.execute("SELECT run FROM runs")}
    changes = _Changes(gone=[run for run in there if run not in found])
    changed = [
        each for run, each in found.items()
        if run not in there or each.error is not None or known.get(run, {}) != each.marks()
    ]  # fmt: skip
    for number, each in enumerate(changed):
        if progress is not None:
            progress(len(changed), number)
        before = _facts(catalog.connection, each.run) if each.run in known else {}
        changes.runs[each.run] = _read(each, before)
    for run, blob in catalog.connection.execute("SELECT run, blob FROM runs WHERE open"):
        if run in found and run not in changes.runs:
            summary = Summary(**decode(blob))
            _settle(summary, found[run].folder)
            if summary.status != decode(blob)["status"]:
                changes.statuses.append(summary)
    return changes


def _facts(connection: sqlite3.Connection, run: str) -> dict[str, SegmentFacts]:
    rows = connection.execute("SELECT name, facts FROM segments WHERE run = ?", (run,))
    return {name: SegmentFacts.from_dict(decode(facts)) for name, facts in rows}


def _read(found: FoundRun, before: dict[str, SegmentFacts]) -> tuple[Summary, list[tuple[str, int, int, SegmentFacts]]]:
    """Read what is new of a run; a segment that cannot be read makes the run unreadable, and is tried again next time."""
    if found.error is not None:
        return unreadable(found.run, found.error), []
    rows: list[tuple[str, int, int, SegmentFacts]] = []
    try:
        for name, size, mtime, path in found.segments:
            rows.append((name, size, mtime, read_facts(path, size, before.get(name))))
    except OSError as error:
        return unreadable(found.run, f"{error.filename or found.folder} cannot be read: {error.strerror or error}"), []
    summary = summarize(found.run, [(name, facts) for name, _, _, facts in rows])
    _settle(summary, found.folder)
    return summary, rows


def _settle(summary: Summary, folder: str) -> None:
    """Find out whether the process of a run without an end still lives."""
    if summary.writer is not None:
        summary.status = look_up(summary, Path(folder))
        summary.reason = None if summary.status == "running" else gone(summary.writer)


def _apply(connection: sqlite3.Connection, changes: _Changes) -> None:
    for table in ("runs", "tags", "languages", "metrics", "segments"):
        stale = ((run,) for run in (*changes.gone, *changes.runs))
        connection.executemany(f"DELETE FROM {table} WHERE run = ?", stale)
    new = [summary for summary, _ in changes.runs.values()]
    connection.executemany("INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?,?,?)", map(_row, new))
    connection.executemany("INSERT OR IGNORE INTO tags VALUES (?,?)", _pairs(new, "tags"))
    connection.executemany("INSERT OR IGNORE INTO languages VALUES (?,?)", _pairs(new, "languages"))
    connection.executemany(
        "INSERT INTO segments VALUES (?,?,?,?,?)",
        (
            (run, name, size, mtime, encode(facts.to_dict()))
            for run, (_, rows) in changes.runs.items()
            for name, size, mtime, facts in rows
        ),
    )
    connection.executemany(
        "UPDATE runs SET status = ?, blob = ? WHERE run = ?",
        ((each.status, encode(each.to_dict()), each.id) for each in changes.statuses),
    )


def _row(summary: Summary) -> tuple[Any, ...]:
    texts = (summary.name, summary.project, summary.task, summary.experiment, summary.status)
    return (
        summary.id, *(None if text is None else column(text) for text in texts), summary.created, summary.updated,
        summary.writer is not None, False, encode(summary.to_dict()),
    )  # fmt: skip


def _pairs(summaries: Iterable[Summary], attribute: str) -> Iterable[tuple[str, str]]:
    return ((each.id, column(value)) for each in summaries for value in getattr(each, attribute))


def column(text: str) -> str:
    """Return `text` as SQLite can hold it: lone surrogates escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
