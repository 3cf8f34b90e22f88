"""From what a person types to a run's folder: an id, the beginning of one, a name, or ``latest``."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from speech_tracker.catalog.index import Catalog, column, open_catalog
from speech_tracker.catalog.scan import not_a_folder
from speech_tracker.errors import AmbiguousRunError, RunNotFoundError, StoreError, UnsafePathError, explain
from speech_tracker.paths import check_id

LATEST = "latest"
"""What stands for the run that began last."""

_SHOWN = 10  # candidates named in a message


def find_run(store: Path, text: str) -> Path:
    """Return the folder of the run that `text` means.

    In this order: an id; `latest`; the name of exactly one run; the beginning of exactly one id.

    Args:
        store: folder of the local store.
        text: what was typed. It is compared with ids and names; only what is an id becomes part of a path.

    Raises:
        RunNotFoundError: no run answers to it; the message names what comes close.
        AmbiguousRunError: several do; the message lists them, the newest first.
        UnsafePathError: it is a path, such as ``../other``.
        StoreError: the store is no folder or cannot be read.
    """
    if store.exists() and not store.is_dir():
        raise not_a_folder(store)
    direct = _by_id(store, text)
    if direct is not None:
        return direct
    with open_catalog(store) as catalog:
        return store / "runs" / _id_of(catalog, text)


def _by_id(store: Path, text: str) -> Path | None:
    try:
        folder = store / "runs" / check_id(text)
        return folder if (folder / "segments").is_dir() else None
    except UnsafePathError:
        return None
    except OSError as error:
        raise StoreError(f"{store} cannot be read: {error.strerror or error}") from error


def _id_of(catalog: Catalog, text: str) -> str:
    ids = _ask(catalog, "SELECT run FROM runs ORDER BY created DESC")
    if not ids:
        raise RunNotFoundError(
            explain("the store holds no runs", got=text, expected=f"a run in {catalog.store}",
                    remedy="start one with speech_tracker.init(...), or set SPEECH_TRACKER_DIR to another store")
        )  # fmt: skip
    if text == LATEST:
        return ids[0]
    named = _ask(catalog, "SELECT run FROM runs WHERE name = ? ORDER BY created DESC", column(text))
    found = named or [each for each in ids if text and each.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        what = "several runs have this name" if named else "several ids begin so"
        raise AmbiguousRunError(
            explain(what, got=text, expected="one run", remedy="give one of these ids: " + _listed(catalog, found))
        )
    if "/" in text or "\\" in text or text in (".", ".."):
        raise UnsafePathError(
            explain("a run is not given by a path", got=text, expected="an id, the beginning of one, a name, or latest",
                    remedy="see them with: speech-tracker list")
        )  # fmt: skip
    raise RunNotFoundError(
        explain("no such run", got=text, remedy="see them with: speech-tracker list",
                expected=f"an id, the beginning of one, a name, or latest, in {catalog.store}{_near(catalog, text)}")
    )  # fmt: skip


def _near(catalog: Catalog, text: str) -> str:
    names: dict[str, str] = {name: run for run, name in catalog.connection.execute("SELECT run, name FROM runs")}
    close = difflib.get_close_matches(text, [*names.values(), *names], n=3, cutoff=0.6)
    near = list(dict.fromkeys(names.get(each, each) for each in close))
    return f" (close to it: {_listed(catalog, near)})" if near else ""


def _listed(catalog: Catalog, ids: Sequence[str]) -> str:
    shown = []
    for run in ids[:_SHOWN]:
        name, status = catalog.connection.execute("SELECT name, status FROM runs WHERE run = ?", (run,)).fetchone()
        shown.append(f"{run} ({name}, {status})")
    return ", ".join(shown) + (f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else "")


def _ask(catalog: Catalog, question: str, *values: str) -> list[str]:
    return [run for (run,) in catalog.connection.execute(question, values)]
