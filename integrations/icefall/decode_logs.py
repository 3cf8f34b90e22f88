"""Lines of ``log-decode-<suffix>-<date>``.

Source: egs/*/*/decode.py of icefall, icefall/utils.py (`write_error_stats`). Real lines::

    2024-03-29 00:29:43,097 INFO [utils.py:558] [test-beam_size_4] %WER 9.52% [9976 / 104765, 252 ins, 719 del, 9005 sub ]
    For test, CER of different settings are:
    beam_size_4	9.52	best for test
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from speech_tracker.ingest.numerals import NUMBER, WHOLE, number
from speech_tracker.ingest.scan import Grammar, Message
from speech_tracker.integrations.icefall.headers import header_of
from speech_tracker.integrations.icefall.params import PARAMS
from speech_tracker.integrations.icefall.train_logs import TRAIN, Done, ParameterCount, Started, Trouble


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """``[test-beam_size_4] %WER 9.52% [9976 / 104765, 252 ins, 719 del, 9005 sub ]``.

    Attributes:
        line_number: from 1.
        time: see `headers.Header`.
        label: test set and setting, joined by ``-``.
        errors, reference_length, insertions, deletions, substitutions: counts of tokens.
    """

    line_number: int
    time: float | None
    label: str
    errors: int
    reference_length: int
    insertions: int
    deletions: int
    substitutions: int


@dataclass(frozen=True, slots=True)
class SettingsBegin:
    """``For test, CER of different settings are:``.

    Attributes:
        line_number: from 1.
        test_set: its name.
        metric: as printed: ``WER``, ``CER``, ``PER``.
    """

    line_number: int
    test_set: str
    metric: str


@dataclass(frozen=True, slots=True)
class SettingResult:
    """``beam_size_4	9.52	best for test``.

    Attributes:
        line_number: from 1.
        setting: of the decoder.
        error_rate: a fraction.
        best: whether it is called the best.
    """

    line_number: int
    setting: str
    error_rate: float
    best: bool


@dataclass(frozen=True, slots=True)
class TranscriptsStored:
    """``The transcripts are stored in …/recogs-test-….txt``."""

    line_number: int
    time: float | None
    path: str


@dataclass(frozen=True, slots=True)
class CutsProcessed:
    """``batch 20/?, cuts processed until now is 1741``."""

    count: int


@dataclass(frozen=True, slots=True)
class SymbolDelay:
    """``[test-greedy_search] %symbol-delay mean: 0.312s, variance: 0.051 computed on 4000 correct words``, in seconds."""

    label: str
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class RealTimeFactor:
    """``Real time factor (RTF): 12.1/484.2 = 0.025``: processing time / audio time."""

    line_number: int
    rtf: float


_LABEL = re.compile(rb"\[([^\[\]]+)\] $")


def _label(match: re.Match[bytes]) -> str:
    start = match.string.rfind(b"\n", 0, match.start()) + 1
    found = _LABEL.search(match.string, start, match.start())
    if found is None:
        raise ValueError("no label")
    return found[1].decode("utf-8", "backslashreplace")


def _error_rate(match: re.Match[bytes], line_number: int) -> ErrorRate:
    counts = [int(each) for each in match.groups()]
    errors, length, insertions, deletions, substitutions = counts
    if errors != insertions + deletions + substitutions:
        raise ValueError("counts that do not add up")
    return ErrorRate(
        line_number, header_of(match).time, _label(match), errors, length, insertions, deletions, substitutions
    )


def _delay(match: re.Match[bytes]) -> SymbolDelay:
    return SymbolDelay(_label(match), number(match[1]), number(match[2]))


def _setting(match: re.Match[bytes], line_number: int) -> SettingResult:
    start = match.string.rfind(b"\n", 0, match.start()) + 1
    name = match.string[start : match.start()].rstrip(b"\t").decode("utf-8", "backslashreplace")
    if not name or "\t" in name or " " in name:
        raise ValueError("no setting")
    return SettingResult(line_number, name, number(match[1]) / 100, match[2] is not None)


def _stored(match: re.Match[bytes], line_number: int) -> TranscriptsStored:
    return TranscriptsStored(line_number, header_of(match).time, match[1].decode("utf-8", "backslashreplace").strip())


_COUNTS = rb"\[(\d+) / (\d+), (\d+) ins, (\d+) del, (\d+) sub \]"
_SHARED = (ParameterCount, Started, Done, Trouble)

DECODE = Grammar(
    (
        *PARAMS,
        *(each for each in TRAIN.messages if each.record in _SHARED),
        Message(ErrorRate, b"%WER ", rb"%WER [^\s%]+% " + _COUNTS, lead=b"] ", build=_error_rate),
        Message(SymbolDelay, b"%symbol-delay ", rb"%symbol-delay mean: " + NUMBER + rb"s, variance: " + NUMBER + rb" ",
                lead=b"] ", common=True, build=_delay),
        Message(SettingsBegin, b"For ", rb"For ([^\n,]+), ([A-Z]{2,4}|WER/CER) of different settings are:", common=True),
        *(
            Message(SettingResult, b"%d" % digit, NUMBER + rb"(\tbest for [^\t\n]*)?(?:\s*$|\s*\n)", lead=b"\t", common=True,
                    open_ended=True, build=_setting)
            for digit in range(10)
        ),
        *(
            Message(TranscriptsStored, b"The transcripts are stored in ", rb"The transcripts are stored in ([^\r\n]+)", lead,
                    open_ended=True, build=_stored)
            for lead in (b"] ", b") ")
        ),
        Message(CutsProcessed, b"cuts processed until now is ", rb"cuts processed until now is " + WHOLE, lead=b", ",
                open_ended=True),
        *(
            Message(RealTimeFactor, marker, pattern + NUMBER, lead=b"] ", open_ended=True, common=True)
            for marker, pattern in (
                (b"Real time factor (RTF): ", rb"Real time factor \(RTF\): [\d.]+/[\d.]+ = "),
                (b"RTF", rb"RTF\s*[:=]\s*"),
            )
        ),
    )
)  # fmt: skip
