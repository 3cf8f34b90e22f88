"""Values that Python printed, read back."""

from __future__ import annotations

import ast
import warnings
from typing import Any


def parse_literal(text: str) -> Any:
    """Return the value of a printed literal: number, text, list, dictionary.

    Raises:
        ValueError: it is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that Python does not know, in what is damaged
        try:
            return ast.literal_eval(text)
        except (SyntaxError, MemoryError, RecursionError, TypeError) as error:
            raise ValueError(str(error)) from None
