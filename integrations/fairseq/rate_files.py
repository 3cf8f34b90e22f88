"""The file ``wer`` (or ``wer.123456``, one for each setting) that the speech recipes' ``infer.py`` writes.

``WER: 3.83``, ``err / num_ref_words = 2011 / 52461``, an empty line, and the settings of the search as YAML.
Source: ``examples/speech_recognition/new/infer.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from speech_tracker.errors import FormatError
from speech_tracker.formats.problems import Problem, shown
from speech_tracker.ingest.numerals import NUMBER, number

_RATE = re.compile(rb"\s*WER: " + NUMBER, re.IGNORECASE)
_COUNTS = re.compile(rb"err / num_ref_words = (\d{1,18}) / (\d{1,18})(?!\d)")


@dataclass(frozen=True, slots=True)
class ScoredSetting:
    """The result of one search.

    Attributes:
        percent: the word error rate.
        errors: insertions, deletions and substitutions; None in files of older versions.
        reference_length: words; likewise.
        settings: of the search (``beam``, ``lmweight``, ``wordscore``, …), as JSON.
    """

    percent: float
    errors: int | None
    reference_length: int | None
    settings: str


def parse_rate_file(data: bytes) -> Iterator[ScoredSetting | Problem]:
    """Yield what such a file says, and a `Problem` for what cannot be read."""
    found = _RATE.match(data.removeprefix(b"\xef\xbb\xbf"))
    if found is None:
        line = data.partition(b"\n")[0].decode("utf-8", "backslashreplace")
        yield Problem(1, shown(line), "expected 'WER:' and a number")
        return
    counts = _COUNTS.search(data)
    errors, length = (int(each) for each in counts.groups()) if counts is not None else (None, None)
    _, _, rest = data.replace(b"\r\n", b"\n").partition(b"\n\n")
    settings: dict[str, Any] = {}
    if rest.strip():
        from speech_tracker.ingest.yaml_values import read_yaml

        try:
            content = read_yaml(rest)
        except FormatError as error:
            yield Problem(0, "", f"the settings of the search cannot be read: {error}")
        else:
            settings = content if isinstance(content, dict) else {}
    yield ScoredSetting(number(found[1]), errors, length, json.dumps(settings, default=str))
