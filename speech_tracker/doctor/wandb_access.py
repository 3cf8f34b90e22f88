"""W&B from outside: installed, logged in, reachable. wandb is not imported, and no key is ever read into a report."""

from __future__ import annotations

import configparser
import netrc
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from speech_tracker.doctor.finding import Finding
from speech_tracker.doctor.installation import version_of

CLOUD = "https://api.wandb.ai"
PATIENCE = 3.0
"""Seconds that the server is waited for."""


def wandb_access(*, timeout: float = PATIENCE) -> tuple[dict[str, Any], list[Finding]]:
    """Return ``{"installed", "mode", "base_url", "logged_in", "login_from", "reachable", "answer"}`` and the findings.

    Args:
        timeout: seconds to wait for the server; looking up its address counts.
    """
    url = base_url()
    login = login_from(url)
    answer = reach(url, timeout)
    mode = os.environ.get("SPEECH_TRACKER_MODE") or os.environ.get("WANDB_MODE") or None
    facts = {
        "installed": version_of("wandb"), "mode": mode, "base_url": url, "logged_in": login is not None,
        "login_from": login, "reachable": answer.startswith("it answers"), "answer": answer,
    }  # fmt: skip
    return facts, _findings(facts)


def _findings(facts: dict[str, Any]) -> list[Finding]:
    if facts["installed"] is None:
        return [
            Finding("note", "wandb", "wandb is not installed: runs are recorded locally only",
                    "pip install 'speech-tracker[wandb]'")
        ]  # fmt: skip
    # who works offline is not ill; who asked for a live connection and cannot have it should know
    level: Any = "problem" if facts["mode"] in ("online", "run", "shared") else "note"
    found = []
    if not facts["logged_in"]:
        found.append(Finding(level, "wandb", f"nobody is logged in at {facts['base_url']}", "wandb login"))
    if not facts["reachable"]:
        found.append(
            Finding(level, "wandb", f"{facts['base_url']} cannot be reached: {facts['answer']}",
                    "nothing is lost: send later, or from a login node, with: speech-tracker sync --all")
        )  # fmt: skip
    return found


def base_url() -> str:
    """Return the server's address: ``$WANDB_BASE_URL``, else what ``wandb login`` wrote into its settings, else the cloud."""
    chosen = os.environ.get("WANDB_BASE_URL")
    if chosen:
        return chosen.rstrip("/")
    config = os.environ.get("WANDB_CONFIG_DIR") or Path.home() / ".config" / "wandb"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(Path(config) / "settings")
        return parser.get("default", "base_url", fallback=CLOUD).rstrip("/")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return CLOUD


def login_from(url: str) -> str | None:
    """Return where a login for the server is found (a variable or a file), None when there is none."""
    for variable in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        if os.environ.get(variable):
            return f"${variable}"
    host = urlsplit(url).hostname
    chosen = os.environ.get("NETRC")
    paths = [Path(chosen).expanduser()] if chosen else [Path.home() / ".netrc", Path.home() / "_netrc"]
    return next((str(path) for path in paths if host is not None and _knows(path, host)), None)


def _knows(path: Path, host: str) -> bool:
    try:
        return netrc.netrc(path).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return False


def reach(url: str, timeout: float) -> str:
    """Ask the server for anything at all, without credentials, and return what came of it.

    It begins with ``it answers`` when there was an answer. The looking up of a name cannot be interrupted, so this is done
    in a thread that is left behind when it takes too long.
    """
    said = [f"no answer within {timeout:g} s"]

    def ask() -> None:
        said[0] = _ask(url, timeout)

    thread = threading.Thread(target=ask, name="speech-tracker-doctor", daemon=True)
    thread.start()
    thread.join(timeout)
    return said[0]


def _ask(url: str, timeout: float) -> str:
    import urllib.error
    import urllib.request

    if urlsplit(url).scheme not in ("http", "https"):
        return "its address is no http(s) address; correct WANDB_BASE_URL"
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=timeout) as response:
            return f"it answers ({response.status})"
    except urllib.error.HTTPError as error:  # any answer shows that it is there
        with error:
            return f"it answers ({error.code})"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError) as error:
        return str(error)
