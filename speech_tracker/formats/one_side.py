"""One side of any transcript format, as utterances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from speech_tracker.formats.columns import Side
from speech_tracker.formats.delimited import parse_delimited
from speech_tracker.formats.fairseq import parse_fairseq_generate, parse_fairseq_words
from speech_tracker.formats.icefall_recogs import parse_icefall_recogs
from speech_tracker.formats.json_rows import parse_json_document, parse_json_lines
from speech_tracker.formats.kaldi_text import parse_kaldi_text, parse_per_utt
from speech_tracker.formats.parsed import Parsed
from speech_tracker.formats.sclite_report import parse_sclite_report
from speech_tracker.formats.seglst import parse_seglst
from speech_tracker.formats.speechbrain_wer import parse_speechbrain_wer
from speech_tracker.formats.trn import parse_trn
from speech_tracker.formats.utterance import Utterance, UtterancePair
from speech_tracker.formats.wenet_wer import parse_wenet_wer

PAIR_FORMATS = frozenset({"speechbrain", "icefall", "fairseq-generate", "wenet", "per_utt", "sclite"})
"""Formats of files that hold the reference and the hypothesis."""


def _speechbrain(text: str) -> Parsed[UtterancePair]:
    report = parse_speechbrain_wer(text)
    return Parsed(report.pairs, report.problems, report.notes)


def _sclite(text: str) -> Parsed[UtterancePair]:
    report = parse_sclite_report(text)
    return Parsed(tuple(each.pair for each in report.utterances), report.problems, report.notes)


_UTTERANCE_PARSERS: Mapping[str, Callable[[str], Parsed[Utterance]]] = {
    "kaldi": parse_kaldi_text,
    "trn": parse_trn,
    "fairseq": parse_fairseq_words,
}
_PAIR_PARSERS: Mapping[str, Callable[[str], Parsed[UtterancePair]]] = {
    "icefall": parse_icefall_recogs,
    "fairseq-generate": parse_fairseq_generate,
    "wenet": parse_wenet_wer,
    "per_utt": parse_per_utt,
    "speechbrain": _speechbrain,
    "sclite": _sclite,
}


def one_side(text: str, format: str, *, side: Side, text_column: str | None = None) -> Parsed[Utterance]:
    """Parse the text of a format that holds utterances (all but STM, CTM and RTTM), and take one side of pairs.

    Raises:
        FormatError: a table has no column of this side, or a JSON document is damaged.
    """
    if format in _UTTERANCE_PARSERS:
        return _UTTERANCE_PARSERS[format](text)
    if format in _PAIR_PARSERS:
        pairs = _PAIR_PARSERS[format](text)
        return Parsed(tuple(_take(pairs.records, side)), pairs.problems, pairs.notes)
    if format == "jsonl":
        return parse_json_lines(text, side=side, text_column=text_column)
    if format == "json":
        return parse_json_document(text, side=side, text_column=text_column)
    if format == "seglst":
        return _seglst(text)
    return parse_delimited(text, delimiter="\t" if format == "tsv" else None, side=side, text_column=text_column)


def _take(pairs: Iterable[UtterancePair], side: Side) -> Iterable[Utterance]:
    for each in pairs:
        text = each.reference if side == "reference" else each.hypothesis
        speaker, duration, attributes = each.speaker_id, each.duration_s, each.attributes
        yield Utterance(each.utterance_id, text, each.line_number, speaker, duration, attributes)


def _seglst(text: str) -> Parsed[Utterance]:
    parsed = parse_seglst(text)
    records = []
    for each in parsed.records:
        duration = None if each.begin_s is None or each.end_s is None else each.end_s - each.begin_s
        attributes = {"session_id": each.session_id}
        records.append(Utterance(each.utterance_id, each.words, each.place, each.speaker_id, duration, attributes))
    return Parsed(tuple(records), parsed.problems, parsed.notes)
