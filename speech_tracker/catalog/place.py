"""Where the catalog of a store lies: on a disk of this host, in a folder that only its user can enter."""

from __future__ import annotations

import os
import stat
import tempfile
from hashlib import blake2b
from pathlib import Path

from speech_tracker.filesystem import is_shared, kind_of

VERSION = 1
"""Version of the catalog's tables; another version is another file."""


def catalog_file(store: Path) -> Path | None:
    """Return the catalog's file for `store`, its folder made; None when there is no place for it.

    ``$SPEECH_TRACKER_CACHE``, else the user's cache folder, else (where that is on NFS, Lustre or the like, as home
    folders on clusters are) a folder in the system's temporary one.
    """
    folder = _folder()
    if folder is None:
        return None
    real = os.path.realpath(store)
    key = blake2b(os.fsencode(real), digest_size=8).hexdigest()
    return folder / f"catalog-{key}-v{VERSION}.sqlite"


def _folder() -> Path | None:
    chosen = os.environ.get("SPEECH_TRACKER_CACHE")
    if chosen:
        return _made(Path(chosen).expanduser().absolute())
    usual = _user_cache()
    if usual is not None and not is_shared(kind_of(usual)) and (made := _made(usual)) is not None:
        return made
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return _own(Path(tempfile.gettempdir()) / f"speech-tracker-{user}")


def _user_cache() -> Path | None:
    try:
        if os.name == "posix" and os.uname().sysname == "Linux":  # what platformdirs gives, without its import
            base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
            return Path(base) / "speech-tracker"
        import platformdirs

        return Path(platformdirs.user_cache_dir("speech-tracker"))
    except RuntimeError:  # no home folder
        return None


def _made(folder: Path) -> Path | None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def _own(folder: Path) -> Path | None:
    """Make `folder` in a place that everybody can write; refuse one that somebody else has put there."""
    made = _made(folder)
    if made is None or not hasattr(os, "getuid"):
        return made
    found = made.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
        return None
    return made
