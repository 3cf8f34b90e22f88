"""From what a person types to a run's folder: an id, the beginning of one, a name, or ``latest``."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from speech_tracker.errors import AmbiguousRunError, RunNotFoundError, StoreError, UnsafePathError, explain
from speech_tracker.paths import check_id

LATEST = "latest"
"""What stands for the run that was created last."""

_SHOWN = 10  # candidates named in a message


def find_run(store: Path, text: str) -> Path:
    """Return the folder of the run that `text` means.

    In this order: an id; `latest`; the name of exactly one run; the beginning of exactly one id.

    Args:
        store: folder of the local store.
        text: what was typed. It is compared with ids and names and never made part of a path unless it is an id.

    Raises:
        RunNotFoundError: no run answers to it; the message names what comes close.
        AmbiguousRunError: several do; the message lists them.
        UnsafePathError: it is a path out of the store, such as ``../other``.
        StoreError: the store is no folder or cannot be read.
    """
    folders = run_folders(store)
    ids = {folder.name: folder for folder in folders}
    if text in ids:
        return ids[text]
    if not folders:
        raise RunNotFoundError(
            explain("the store holds no runs", got=text, expected=f"a run in {store}",
                    remedy="start one with speech_tracker.init(...), or set SPEECH_TRACKER_DIR to another store")
        )  # fmt: skip
    known = _identities(store, folders)
    if text == LATEST:
        return ids[max(known, key=lambda each: (known[each]["created"] or 0.0, each))]
    named = [each for each, facts in known.items() if facts["name"] == text]
    begun = [each for each in ids if text and each.startswith(text)]
    found = named or begun
    if len(found) == 1:
        return ids[found[0]]
    if found:
        found.sort(key=lambda each: known[each]["created"] or 0.0, reverse=True)
        what = "several runs have this name" if named else "several ids begin so"
        raise AmbiguousRunError(
            explain(what, got=text, expected="one run", remedy="give one of these ids: " + _listed(found, known))
        )
    if "/" in text or text in (".", ".."):
        try:
            check_id(text)
        except UnsafePathError as error:
            raise UnsafePathError(
                explain("not a run", got=text, expected="an id, the beginning of one, a name, or latest",
                        remedy="see them with: speech-tracker list")
            ) from error  # fmt: skip
    names = {facts["name"]: each for each, facts in known.items()}
    close = difflib.get_close_matches(text, [*ids, *names], n=3, cutoff=0.6)
    near = [names.get(each, each) for each in close]
    hint = f" (close to it: {_listed(list(dict.fromkeys(near)), known)})" if near else ""
    raise RunNotFoundError(
        explain("no such run", got=text, expected=f"an id, the beginning of one, a name, or latest, in {store}{hint}",
                remedy="see them with: speech-tracker list")
    )  # fmt: skip


def run_folders(store: Path) -> list[Path]:
    """Return the folders in the store that are runs, by id; empty when the store is not there yet.

    Raises:
        StoreError: it is no folder, or cannot be read.
    """
    try:
        return sorted(entry for entry in (store / "runs").iterdir() if (entry / "segments").is_dir())
    except FileNotFoundError:
        if store.exists() and not store.is_dir():
            raise not_a_folder(store) from None
        return []
    except NotADirectoryError as error:
        raise not_a_folder(store) from error
    except OSError as error:
        raise StoreError(
            explain(f"the store cannot be read ({error.strerror})", got=str(store), expected="a folder that you can read",
                    remedy="ask its owner, or set SPEECH_TRACKER_DIR to another one")
        ) from error  # fmt: skip


def not_a_folder(store: Path) -> StoreError:
    """Return the error for a store that is a file."""
    return StoreError(
        explain("the store is not a folder", got=str(store), expected="a folder",
                remedy="set SPEECH_TRACKER_DIR to a folder")
    )  # fmt: skip


def _identities(store: Path, folders: list[Path]) -> dict[str, dict[str, Any]]:  # noqa: ARG001 - the catalog needs it
    """Id → name and time of creation of every run; a run that cannot be read has its id for a name."""
    from speech_tracker.errors import SpeechTrackerError
    from speech_tracker.view import RunView

    known = {}
    for folder in folders:
        try:
            view = RunView.read(folder)
            known[folder.name] = {"name": str(view.identity["name"]), "created": view.created_at, "status": view.status}
        except (SpeechTrackerError, OSError):
            known[folder.name] = {"name": folder.name, "created": None, "status": "unreadable"}
    return known


def _listed(ids: list[str], known: dict[str, dict[str, Any]]) -> str:
    shown = ", ".join(f"{each} ({known[each]['name']}, {known[each]['status']})" for each in ids[:_SHOWN])
    return shown + (f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else "")
