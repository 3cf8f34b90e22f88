"""What goes into W&B's configuration beside the user's own."""

from __future__ import annotations

from typing import Any

OWN_KEYS = frozenset({"speech", "environment", "links", "speech_tracker", "_wandb"})
"""Keys that are ours or W&B's; a user's key of that name is written with an underscore at its end."""

_SHORT = ("python", "platform", "host", "folder", "command", "git", "hardware", "scheduler")


def short_environment(environment: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an environment that people filter runs by: no list of packages, no variables."""
    return {name: environment[name] for name in _SHORT if name in environment}


def merge(into: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return `into` with `more` merged in, group by group; neither is changed."""
    merged = dict(into)
    for key, value in more.items():
        before = merged.get(key)
        merged[key] = merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged
