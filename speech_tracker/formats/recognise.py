"""Which format a transcript file has, told from its content, and why."""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal, get_args

from speech_tracker.errors import FormatError
from speech_tracker.formats.ctm import MARKS
from speech_tracker.formats.delimited import header_of
from speech_tracker.formats.fairseq import IDS_WITHOUT_SPEAKER
from speech_tracker.formats.numbers import seconds
from speech_tracker.formats.rttm import TYPES

Format = Literal[
    "kaldi", "trn", "stm", "ctm", "rttm", "jsonl", "json", "seglst", "csv", "tsv", "speechbrain", "icefall", "fairseq",
    "fairseq-generate", "wenet", "per_utt", "sclite",
]  # fmt: skip
FORMATS: tuple[str, ...] = get_args(Format)

_SAMPLE = 1000
_TRN_ID = re.compile(r".*\(([^()]+)\)\s*", re.DOTALL)


def recognise(text: str) -> tuple[Format, str]:
    """Return the format of `text` and the reason, in words.

    Only formats that say of themselves what they are win outright; among tables of columns the first 1,000 lines must
    agree. What is left is Kaldi's ``id words``, if the first fields look like ids.

    Raises:
        FormatError: it is none of the formats, in particular plain text without utterance ids.
    """
    start = text.lstrip()
    if start.startswith(("{", "[")) and (found := _json(start)) is not None:
        return found
    lines = [line.removesuffix("\r") for line in text[:2_000_000].split("\n") if line.strip()][:_SAMPLE]
    if not lines:
        raise FormatError("there is no text in it; was the decoding finished?")
    found = _by_signature(lines)
    if found is not None:
        return found
    body = [line for line in lines if not line.startswith(";;")]
    if not body:
        raise FormatError("there are only comments in it")
    found = _by_columns(body)
    if found is not None:
        return found
    header = header_of(body[0])
    if header is not None and len(body) > 1:
        return ("tsv" if header[0] == "\t" else "csv"), f"line 1 names columns: {', '.join(header[1][:6])}"
    return _kaldi(body)


def _json(start: str) -> tuple[Format, str] | None:
    first = start.split("\n", 1)[0].strip()
    if first.startswith("{") and first.endswith("}"):
        return "jsonl", "line 1 is a JSON object"
    if '"session_id"' in start[:5000] and '"words"' in start[:5000]:
        return "seglst", "a JSON array with session_id and words"
    if start.rstrip().endswith(("}", "]")) and re.match(r'[\[{]\s*("|\{|\]|\})', start):
        return "json", "a JSON document"
    if re.match(r'\[\s*\{\s*"|\{\s*"', start):
        return ("jsonl", "line 1 begins a JSON object") if first.startswith('{"') else ("json", "a JSON document")
    return None


def _by_signature(lines: list[str]) -> tuple[Format, str] | None:
    if any(line.startswith("%WER ") for line in lines[:3]) and any(line == "ALIGNMENTS" for line in lines[:12]):
        return "speechbrain", "a %WER line and ALIGNMENTS, as SpeechBrain writes"
    if re.match(r".*:\t(ref|hyp)=\[", lines[0]):
        return "icefall", "line 1 is id:<tab>ref=[…], as icefall writes"
    if lines[0].startswith("utt: ") and any(line.startswith("lab:") for line in lines[1:4]):
        return "wenet", "utt:, WER:, lab:, rec: blocks, as WeNet's compute-wer.py writes"
    if any(line.startswith("Scores: (#C #S #D #I) ") for line in lines) or any("| SPKR" in line for line in lines[:12]):
        return "sclite", "sclite's report"
    generated = Counter(line[0] for line in lines if re.match(r"[STHDP]-\d+\t", line))
    if generated["H"] and generated["T"]:
        return "fairseq-generate", "T-<row> and H-<row> lines, as fairseq-generate writes"
    fields = [line.split(None, 2)[:2] for line in lines[:2]]
    if len(fields) == 2 and all(len(each) == 2 for each in fields):
        (first, ref), (second, hyp) = fields
        if (ref, hyp) == ("ref", "hyp") and first == second:
            return "per_utt", "pairs of ref and hyp lines, as Kaldi's wer_details/per_utt has"
    return None


def _by_columns(body: list[str]) -> tuple[Format, str] | None:
    split = [line.split(None, 6) for line in body]
    if all(fields[0] in TYPES and len(fields) > 6 for fields in split):
        return "rttm", "every line begins with an RTTM type"
    found = [_TRN_ID.fullmatch(line) for line in body]
    if sum(each is not None for each in found) >= 0.9 * len(body):
        ids = [each[1] for each in found if each is not None]
        if all(IDS_WITHOUT_SPEAKER.fullmatch(each) for each in ids):
            return "fairseq", "lines end with (None-<row>), as fairseq's infer.py writes"
        return "trn", "lines end with (utterance id)"
    # digit strings ("u1 3 1 4 1 5") look like times: recordings that repeat, or decimals, decide
    repeats = len({fields[0] for fields in split}) < len(split)
    for name, at, least in (("stm", 3, 5), ("ctm", 2, 5)):
        timed = [
            len(fields) >= least
            and ((seconds(fields[at]) is not None and seconds(fields[at + 1]) is not None) or _is_mark(fields, name))
            for fields in split
        ]
        decimals = any(len(f) >= least and "." in f[at] + f[at + 1] for f in split)
        if sum(timed) >= 0.9 * len(split) and (repeats or decimals):
            return ("stm" if name == "stm" else "ctm"), f"times in fields {at + 1} and {at + 2} of every line"
    return None


def _is_mark(fields: list[str], name: str) -> bool:
    return name == "ctm" and len(fields) > 4 and fields[4].split()[0].upper() in MARKS


def _kaldi(body: list[str]) -> tuple[Format, str]:
    keys = Counter(line.split(None, 1)[0] for line in body)
    repeated = [key for key, count in keys.items() if count > 1]
    why = ""
    if _are_words(keys, repeated, len(body)):
        why = f"{len(repeated)} first words begin several lines (such as {repeated[0]!r}), so they are no utterance ids"
    elif sum(body[0].split()[0].count(delimiter) for delimiter in ",|;") > 1:
        why = f"line 1 looks like column names ({body[0][:80]!r}), none of which is known to hold ids and texts"
    elif 2 * sum(key.endswith((":", "=")) or not any(map(str.isalnum, key)) for key in keys) > len(keys):
        why = "most lines begin with a label or a rule, not with an utterance id"
    if why:
        raise FormatError(
            f"no transcript format recognised: {why}; expected a file whose lines begin with an utterance id (Kaldi) or end "
            "with one in parentheses (TRN), or another known format; add the ids, or name the format if it is one"
        )
    return "kaldi", "each line begins with an id of its own (Kaldi text, also WeNet)"


def _are_words(keys: Counter[str], repeated: list[str], lines: int) -> bool:
    """Whether repeated first fields show that the lines begin with words or dates, rather than with ids given twice.

    Ids nearly always hold a digit, a dash or an underscore; a few of them twice is a damaged file, which is read.
    """
    if not repeated:
        return False
    share = sum(keys[key] for key in repeated) / lines
    like_ids = sum(any(letter.isdigit() or letter in "-_" for letter in key) for key in repeated)
    if 2 * like_ids < len(repeated) and share > (0.1 if lines >= 10 else 0.5):
        return True
    return lines >= 10 and 3 * len(keys) < lines
