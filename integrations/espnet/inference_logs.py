"""Logs of the inference jobs: their command line, and when each utterance was begun and done; and `calculate_rtf.log`.

Source: espnet2/bin/asr_inference.py, espnet2/bin/launch.py, utils/calculate_rtf.py (0.9.0 to 202511).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import datetime

from speech_tracker.ingest.numerals import NUMBER, WHOLE
from speech_tracker.ingest.scan import Grammar, Message


@dataclass(frozen=True, slots=True)
class EspnetCommand:
    """How a program of ESPnet was called, from the first lines of its log.

    Attributes:
        program: such as ``asr_inference``.
        options: name (without dashes) and value, in the order given; a name may come again.
    """

    program: str
    options: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str | None:
        """Return the first value of an option, None where it was not given."""
        return next((value for option, value in self.options if option == name), None)

    def last(self, name: str) -> str | None:
        """Return the value that counts, None where it was not given."""
        return next((value for option, value in reversed(self.options) if option == name), None)


@dataclass(frozen=True, slots=True)
class SpeechLength:
    """``(asr_inference:522) INFO: speech length: 12800``: an utterance begins.

    Attributes:
        moment: as written.
        samples: of its audio.
    """

    moment: str
    samples: int


@dataclass(frozen=True, slots=True)
class BestHypothesis:
    """``(beam_search:483) INFO: best hypo: …``: its search is done.

    Attributes:
        moment: as written.
    """

    moment: str


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """A line of `calculate_rtf.log`.

    Attributes:
        what: ``Total audio duration``, ``Total decoding time``, ``RTF`` or ``Latency``.
        value: seconds; the factor; milliseconds for each utterance.
    """

    what: str
    value: float


_COMMAND = re.compile(rb"^(?:# )?[^\n]*espnet2[./]bin[./](\w+?)(?:\.py)?(?:[ \t]+([^\n]*))?$", re.MULTILINE)
_DATE = rb"(?:\[[^\]\n]*\] )?(20\d\d-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d+) \("

INFERENCE_LOG = Grammar(
    message
    for marker in (b"20", b"[")
    for message in (
        Message(
            SpeechLength, marker, _DATE + rb"\w+:\d+\) INFO: speech length: " + WHOLE + rb"\s*$", open_ended=True, common=True
        ),
        Message(BestHypothesis, marker, _DATE + rb"\w+:\d+\) INFO: best hypo: ", common=True),
    )
)  # fmt: skip
"""Messages of an inference job."""

SPEED = Grammar(
    Message(SpeedReport, what, b"(" + what + b"): " + NUMBER + rb"(?: \[[\w/]+\])?\s*$", open_ended=True)
    for what in (b"Total audio duration", b"Total decoding time", b"RTF", b"Latency")
)
"""Messages of `calculate_rtf.log`."""


def parse_command(data: bytes) -> EspnetCommand | None:
    """Return how a program of ESPnet was called, from the first bytes of its log; None where they do not say.

    >>> parse_command(b"# python3 -m espnet2.bin.lm_train --ngpu 1 --resume true")
    EspnetCommand(program='lm_train', options=(('ngpu', '1'), ('resume', 'true')))
    """
    match = _COMMAND.search(data)
    if match is None:
        return None
    text = (match[2] or b"").decode("utf-8", "backslashreplace")
    try:
        words = shlex.split(text)
    except ValueError:  # a quotation that is not closed: the line was cut
        words = text.split()
    options: list[tuple[str, str]] = []
    for word in words:
        if word.startswith("--") and len(word) > 2:
            name, has_value, value = word[2:].partition("=")
            options.append((name, value if has_value else ""))
        elif options and not options[-1][1]:
            options[-1] = (options[-1][0], word)
    return EspnetCommand(match[1].decode(), tuple(options))


def seconds_between(begun: str, done: str) -> float | None:
    """Return the seconds between two moments as written, None where one cannot be read or they are the wrong way."""
    try:
        first, second = (datetime.strptime(each.replace(".", ","), "%Y-%m-%d %H:%M:%S,%f") for each in (begun, done))  # noqa: DTZ007 - both of one clock
    except ValueError:
        return None
    seconds = (second - first).total_seconds()
    return seconds if seconds >= 0 else None
