"""Which versions are installed, and which extras are whole: read from the metadata, nothing is imported."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from typing import Any

from speech_tracker.version import __version__

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;]*?)\s*;\s*extra == ['\"]([^'\"]+)['\"]\s*$")
_NOT_FOR_USERS = ("all", "dev", "test")


def versions() -> dict[str, Any]:
    """Return the versions of this package, of Python, and of the platform."""
    return {"speech_tracker": __version__, "python": platform.python_version(), "platform": platform.platform()}


def extras() -> dict[str, dict[str, Any]]:
    """Return extra → ``{"installed": bool, "packages": {name: version or None}, "missing": [name]}``.

    Empty when the package itself is not installed (run from its source).
    """
    try:
        requirements = importlib.metadata.requires("speech-tracker") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None or match[3] in _NOT_FOR_USERS or match[1] == "speech-tracker":
            continue
        entry = found.setdefault(match[3], {"installed": True, "packages": {}, "missing": []})
        version = version_of(match[1])
        entry["packages"][match[1]] = version
        if version is None:
            entry["installed"] = False
            entry["missing"].append(match[1])
    return found


def version_of(package: str) -> str | None:
    """Return the installed version of a package, None when it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
