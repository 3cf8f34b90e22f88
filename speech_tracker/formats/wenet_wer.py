"""The output of WeNet's ``tools/compute-wer.py --v=1``.

::

    utt: BAC009S0764W0121
    WER: 4.17 % N=24 C=23 S=1 D=0 I=0
    lab: 甚 至 出 现
    rec: 甚 至 出 线

Its ``text`` file is Kaldi's (`kaldi_text`). The tool upper-cases by default and leaves out, without a word, references
that have no hypothesis.
"""

from __future__ import annotations

import re

from speech_tracker.formats.parsed import Findings, Parsed, lines_of
from speech_tracker.formats.utterance import UtterancePair

_COUNTS = re.compile(r"WER: +(\S+) % N=(\d+) C=(\d+) S=(\d+) D=(\d+) I=(\d+)")


def parse_wenet_wer(text: str) -> Parsed[UtterancePair]:
    """Parse the per-utterance blocks; the summary at the end is left out.

    A block whose ``lab:`` does not have the length that its WER line gives is a problem: words were lost in printing.
    """
    findings = Findings()
    records: list[UtterancePair] = []
    block: dict[str, tuple[int, str]] = {}
    for number, line in lines_of(text, findings):
        kind, colon, rest = line.partition(":")
        if not colon or kind not in ("utt", "WER", "lab", "rec"):
            if "utt" in block:
                findings.problem(block["utt"][0], block["utt"][1], "the block is cut short")
            block = {}
            continue
        if kind == "utt":
            if block:
                findings.problem(*next(iter(block.values())), "the block is cut short")
            block = {}
        block[kind] = (number, line if kind == "WER" else rest.strip())
        if kind == "rec":
            if block.keys() >= {"utt", "WER", "lab"}:
                _finish(block, records, findings)
            else:
                findings.problem(number, line, "a rec line without utt, WER and lab before it")
            block = {}
    if "utt" in block:
        findings.problem(block["utt"][0], block["utt"][1], "the block is cut short")
    return findings.parsed(records)


def _finish(block: dict[str, tuple[int, str]], records: list[UtterancePair], findings: Findings) -> None:
    number, key = block["utt"]
    reference, hypothesis = block["lab"][1].split(), block["rec"][1].split()
    counts = _COUNTS.match(block["WER"][1])
    if counts is None or int(counts[2]) != len(reference):
        findings.problem(number, key, "lab does not have the N words of the WER line")
    else:
        records.append(UtterancePair(key, " ".join(reference), " ".join(hypothesis), number))
