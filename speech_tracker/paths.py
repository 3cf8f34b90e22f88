"""Where runs lie, which ids are safe, and the small file that remembers a run's id in an experiment's folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speech_tracker.encoding import decode, encode, tag
from speech_tracker.errors import InvalidTypeError, StoreError, UnsafePathError, explain

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def store_folder() -> Path:
    """Return the folder of the local store: ``$SPEECH_TRACKER_DIR``, else a folder of the user's.

    It is not made here.
    """
    chosen = os.environ.get("SPEECH_TRACKER_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("speech-tracker"))


def make_store(folder: Path) -> Path:
    """Make the store's folder where it is missing, and return it.

    Raises:
        StoreError: it is a file, or cannot be made or written.
    """
    remedy = "set SPEECH_TRACKER_DIR to a folder that you can write"
    try:
        if folder.exists() and not folder.is_dir():
            raise StoreError(explain("the store is not a folder", got=str(folder), expected="a folder", remedy=remedy))
        (folder / "runs").mkdir(parents=True, exist_ok=True)
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(
            explain(f"the store cannot be made ({error.strerror})", got=str(folder), expected="a folder", remedy=remedy)
        ) from error
    if not os.access(folder / "runs", os.W_OK | os.X_OK):
        raise StoreError(explain("the store cannot be written", got=str(folder), expected="a folder", remedy=remedy))
    return folder


def new_id() -> str:
    """Return a fresh run id: eight lower-case letters and digits, as W&B's own ids."""
    # 252 is the largest multiple of 36 below 256: bytes above it would favour some letters
    return "".join(_ALPHABET[byte % 36] for byte in os.urandom(64) if byte < 252)[:8]


def check_id(run_id: str) -> str:
    """Return `run_id` if it can name a folder and a W&B run.

    Raises:
        InvalidTypeError: it is not text.
        UnsafePathError: it holds anything but letters, digits, ``_`` and ``-``, or is longer than 64 characters.
    """
    if not isinstance(run_id, str):
        raise InvalidTypeError(explain("a run id is text", got=run_id, expected="str", remedy="correct `id=`"))
    if not _ID.fullmatch(run_id):  # not match with $: that would let a newline through
        raise UnsafePathError(
            explain(
                "not a run id",
                got=run_id,
                expected="1 to 64 letters, digits, '_' or '-', a letter or digit first",
                remedy="correct `id=` (or the variable SPEECH_TRACKER_RUN_ID or WANDB_RUN_ID)",
            )
        )
    return run_id


def run_folder(store: Path, run_id: str) -> Path:
    """Return the folder of the run `run_id` in `store`."""
    return store / "runs" / check_id(run_id)


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old or the new file, never a part (temporary, fsync, rename).

    Raises:
        OSError: it cannot be written; a file that was there is unchanged.
    """
    import tempfile

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an experiment's folder remembers of its run.

    Attributes:
        run: the run's id.
        store: the store that holds it.
        path: the file that says so.
    """

    run: str
    store: Path
    path: Path


def id_file(experiment_folder: Path) -> Path:
    """Return the path of the file that remembers the run of an experiment's folder."""
    return experiment_folder / ".speech_tracker" / "run.json"


def remember(experiment_folder: Path, run_id: str, store: Path, **more: Any) -> None:
    """Write the id file, so that the same recipe started again continues the same run.

    Raises:
        OSError: it cannot be written.
    """
    path = id_file(experiment_folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, encode(tag({"run_id": run_id, "store": str(store), **more})) + b"\n")


def recall(experiment_folder: Path) -> Remembered | None:
    """Return what the id file of `experiment_folder` says, None when there is none.

    Raises:
        StoreError: the file is damaged or cannot be read; a new run would hide the old one, so this is for the user to
            decide.
    """
    path = id_file(experiment_folder)
    try:
        content = decode(path.read_bytes())
        return Remembered(check_id(content["run_id"]), Path(content["store"]), path)
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise StoreError(
            explain("the experiment's folder is not a folder", got=str(experiment_folder), expected="a folder, or none yet",
                    remedy="correct `experiment_folder=`")
        ) from error  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} should hold the id of this experiment's run, but cannot be read ({error}); put the id back "
            '({"run_id": "…", "store": "…"}; `speech-tracker list` shows ids), or delete the file to begin a new run'
        ) from error
