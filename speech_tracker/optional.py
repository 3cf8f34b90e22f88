"""Libraries that only some users need: imported when used, with one wording when they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from speech_tracker.errors import MissingExtraError


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import and return `module`.

    Args:
        module: dotted name, for example ``"duckdb"``.
        extra: the extra of this package that installs it.
        purpose: what it is needed for, as the end of "… is needed to …".

    Raises:
        MissingExtraError: it is not installed, or fails to import; the cause is kept.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{module} is needed to {purpose}, and it cannot be imported ({error}); "
            f"install it with: pip install 'speech-tracker[{extra}]'"
        ) from error
