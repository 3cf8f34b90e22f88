"""Which of the two packages is in use: ``lightning`` or ``pytorch_lightning``."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from speech_tracker.errors import MissingExtraError

NAMES = ("lightning.pytorch", "pytorch_lightning")


def framework() -> Any:
    """Return the package that the program has imported, else the one that is installed.

    Raises:
        MissingExtraError: neither can be imported; a file of the user's that hides the package is named.
    """
    for name in NAMES:
        if name in sys.modules:
            return sys.modules[name]
    first: ImportError | None = None
    for name in NAMES:
        try:
            return importlib.import_module(name)
        except ImportError as error:  # noqa: PERF203 - two names, once
            first = first or error
    hidden = getattr(sys.modules.get("lightning"), "__file__", None)
    hint = f" (is {hidden} a file of your own? rename it)" if hidden and "site-packages" not in hidden else ""
    raise MissingExtraError(
        f"the Lightning callback needs lightning or pytorch_lightning, and neither can be imported ({first}){hint}; "
        "install one with: pip install 'speech-tracker[lightning]'"
    ) from first


if TYPE_CHECKING:
    from lightning.pytorch import Callback as Callback  # noqa: PLC0414 - the form that exports it
else:
    framework()
    # with both packages in one program, either Trainer may get the callback, and those before 2.5 insist on their own class
    Callback = type("Callback", tuple(sys.modules[name].Callback for name in NAMES if name in sys.modules), {})
