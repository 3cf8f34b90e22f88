"""What ``fairseq-generate`` and the speech recipes' ``infer.py`` log about a search: its model, its set, its result.

Source: ``fairseq_cli/generate.py`` and ``examples/speech_recognition/{infer,new/infer}.py``. The hypotheses themselves are
read by `decodes`, when they are needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER
from speech_tracker.ingest.scan import Grammar, Message, Record, scan
from speech_tracker.integrations.fairseq.log_lines import header_of, said


@dataclass(frozen=True, slots=True)
class ModelsLoaded:
    """``loading model(s) from ck/checkpoint_best.pt``, or what `infer.py` says of the same.

    Attributes:
        line_number: from 1.
        clock: see `log_lines.header_of`.
        paths: as printed; several models of an ensemble have a colon between them.
    """

    line_number: int
    clock: float | None
    paths: str


@dataclass(frozen=True, slots=True)
class SetNamed:
    """``…/test-clean.ltr is sequence label. skipped``: the only line in which `infer.py` names the set."""

    line_number: int
    name: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """``Translated 4 sentences (8 tokens) in 1.0s (…)``, ``Processed 2615 sentences (283915 tokens) in 770.7s …``.

    Attributes:
        line_number: from 1.
        clock: see `log_lines.header_of`.
        sentences: that were searched.
        tokens: that were found.
        seconds: of the search alone.
    """

    line_number: int
    clock: float | None
    sentences: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ResultPrinted:
    """``Generate other with beam=3: WER: 87.50``, ``Generate test with beam=5: BLEU4 = 27.31, 58.9/33.1/… (BP=1.000, …)``.

    Attributes:
        line_number: from 1.
        subset: what was decoded.
        beam: its size.
        metric: ``wer``, ``bleu``, …, in small letters, without the order of BLEU; ``""`` where none is said.
        value: as printed, in **percent** or points; None where none is said.
    """

    line_number: int
    subset: str
    beam: int
    metric: str
    value: float | None


@dataclass(frozen=True, slots=True)
class RatePrinted:
    """``Word error rate: 3.8332`` and ``WER: 3.8332`` of `infer.py`: in **percent**."""

    line_number: int
    percent: float


@dataclass(frozen=True, slots=True)
class HypothesesInside:
    """That a file holds hypotheses, found in its first part: ``H-12<tab>…`` (``generate``) or ``HYPO: …`` (``infer``)."""

    kind: str


_RESULT = re.compile(r"([A-Za-z]+)[\w+]*(?: score)?\s*[:=]\s*(-?\d+(?:\.\d+)?)")
_GENERATE = re.compile(rb"(?m)^[HD]-\d+\t")
_INFER = re.compile(rb"(?m)(?:\] - | \| |^)HYPO: ?\S")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace").strip()


def _result(match: re.Match[bytes], line_number: int) -> ResultPrinted:
    found = _RESULT.search(_text(match[3]))
    metric, value = (found[1].lower(), float(found[2])) if found is not None else ("", None)
    return ResultPrinted(line_number, _text(match[1]), int(match[2]), metric, value)


def _decoded(match: re.Match[bytes], line_number: int) -> Decoded:
    sentences, tokens = (int(each.replace(b",", b"")) for each in match.groups()[:2])
    return Decoded(line_number, header_of(match)[0], sentences, tokens, float(match[3]))


def _models(match: re.Match[bytes], line_number: int) -> ModelsLoaded:
    return ModelsLoaded(line_number, header_of(match)[0], _text(match[1]))


def _numbered(build: Callable[..., Any]) -> Callable[..., Any]:
    """The same; a record with a line number is made with it, which the type of `Message.build` does not say."""
    return build


_COUNTS = rb"([\d,]+) sentences \(([\d,]+) tokens\) in ([\d.]+) ?s"

DECODING = Grammar(
    (
        *said(ModelsLoaded, b"loading model(s) from ", rb"loading model\(s\) from (\S[^\n]*)", open_ended=True, build=_models),
        *said(ModelsLoaded, b"filenames: [", rb"filenames: \['([^'\n]+)'", common=True, build=_models),
        *(
            Message(ModelsLoaded, b"/", rb"(/[^\n]{0,1000}\.pt)\s*$", lead, True, True, _numbered(_models))
            for lead in (b" | ", b"] - ", b"INFO:__main__:")
        ),
        *(
            Message(SetNamed, b"/", rb"[^\n]{0,1000}/([^/\s]{1,200})\.\w{1,20} is sequence label", lead, False, True)
            for lead in (b" | ", b"] - ")
        ),
        *said(Decoded, b"Translated ", rb"Translated " + _COUNTS, common=True, build=_decoded),
        *said(Decoded, b"Processed ", rb"Processed " + _COUNTS, common=True, build=_decoded),
        *said(
            ResultPrinted, b"Generate ", rb"Generate (\S+) with beam=(\d+)(?:: ([^\n]*)|())", open_ended=True, common=True,
            build=lambda match, line: _result(match, line) if match[3] is not None else ResultPrinted(
                line, _text(match[1]), int(match[2]), "", None),
        ),
        *said(RatePrinted, b"Word error rate: ", rb"Word error rate: " + NUMBER, open_ended=True),
        *said(RatePrinted, b"WER: ", rb"WER: " + NUMBER + rb"%?\s*$", open_ended=True, common=True),
    )
)  # fmt: skip


def hypotheses_inside(first: bytes) -> HypothesesInside | None:
    """Return what kind of hypotheses the first part of a file holds, None when it holds none."""
    if _GENERATE.search(first):
        return HypothesesInside("generate")
    return HypothesesInside("infer") if _INFER.search(first) else None


def parse_decoding_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield what a log says of searches, in file order.

    Args:
        pieces: the log, whole or in pieces.

    Yields:
        The dataclasses of this module; `Problem` for a line that cannot be read.
    """
    return scan(pieces, DECODING)
