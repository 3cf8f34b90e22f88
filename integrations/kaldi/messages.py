"""Kaldi's own log lines: ``LOG (gmm-est[5.5.1124~1-21ae4]:main():gmm-est.cc:116) text``.

Builds before 5.x print no ``[version]``, and programs started without a name none of that. What all headers have is the
end, so that is what a message is found by.

Source of every text in this package: the `KALDI_LOG` statements of Kaldi's programs, which the parsers name.
"""

from __future__ import annotations

import re
from typing import Any

from speech_tracker.ingest.scan import Message

HEADER_END = b") "

HEADER = re.compile(
    rb"(?P<severity>LOG|WARNING|ERROR|ASSERTION_FAILED|VLOG\[\d+\]) "
    rb"\((?P<program>[^\[:()\s]*)(?:\[(?P<version>[^\]\n]*)\])?:(?P<function>[^\n]*?)\(\):(?P<file>[^:()\n]+):(?P<line>\d+)\) ?"
)
"""A whole header. The function may be a destructor (``~NnetTrainer``) or a template."""


def logged(
    record: type[Any], marker: bytes, pattern: bytes, *, open_ended: bool = False, common: bool = False
) -> Message:
    """Return the message that a Kaldi program logs: `marker` and `pattern` start right after the header."""
    return Message(record, marker, pattern, HEADER_END, open_ended, common)
