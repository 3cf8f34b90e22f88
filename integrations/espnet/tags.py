"""What the names of ESPnet's folders say: the task of a model, and how a test set was decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

TASK_OF_PREFIX: dict[str, str] = {
    "asr": "asr", "asr_transducer": "asr", "s2t": "asr", "uasr": "asr", "slu": "slu", "st": "st", "s2st": "st", "mt": "mt",
    "tts": "tts", "tts2": "tts", "svs": "other", "enh": "se", "enh_tse": "se", "tse": "se", "enh_asr": "asr", "enh_st": "st",
    "lm": "lm", "diar": "diarization", "enh_diar": "diarization", "spk": "sv", "ssl": "ssl", "hubert": "ssl", "codec": "codec",
    "gan_codec": "codec", "lid": "lid", "asvspoof": "sv", "cls": "other", "speechlm": "lm", "ngram": "lm",
}  # fmt: skip
"""Beginning of a folder's name below ``exp/`` → our task."""

_PREFIX = re.compile(rf"^({'|'.join(sorted(TASK_OF_PREFIX, key=len, reverse=True))})(?=_)")
_STATISTICS = re.compile(rf"^({'|'.join(TASK_OF_PREFIX)})_stats(?:_|$)")
_METRIC = re.compile(r"^score_(wer|cer|ter|per|bleu|pitch\w*)$")

_VALUES = (
    ("beam_size", re.compile(r"(?:^|_)beam(?:_?size)?[_=]?(\d{1,9})(?=_|$)"), int),
    ("ctc_weight", re.compile(r"(?:^|_)ctc(?:_?weight)?[_=]?(\d*\.?\d+)(?=_|$)"), float),
    ("lm_weight", re.compile(r"(?:^|_)(?:rnn)?lm(?:_?weight)?[_=]?(\d*\.?\d+)(?=_|$)"), float),
    ("ngram_weight", re.compile(r"(?:^|_)ngram(?:_?weight)?[_=]?(\d*\.?\d+)(?=_|$)"), float),
    ("penalty", re.compile(r"(?:^|_)pen(?:alty)?[_=]?(-?\d*\.?\d+)(?=_|$)"), float),
    ("maxlenratio", re.compile(r"(?:^|_)maxlenratio[_=]?(-?\d*\.?\d+)(?=_|$)"), float),
    ("minlenratio", re.compile(r"(?:^|_)minlenratio[_=]?(-?\d*\.?\d+)(?=_|$)"), float),
    ("nbest", re.compile(r"(?:^|_)nbest[_=]?(\d{1,9})(?=_|$)"), int),
)
_MODEL = re.compile(r"(?:^|_)(?:asr|st|mt|slu|s2t|enh|tts|diar|enh_s2t|uasr|svs)_model_(.+?)$")
_LANGUAGE_MODEL = re.compile(
    r"(?:^|_)lm_(lm_.+?)_((?:train|valid)\.[\w.]+?|\d+epoch|latest)(?=_(?:asr|st|mt|slu|s2t|uasr)_model_|$)"
)
_FIRST_ESPNET = re.compile(r"^decode_(.+?)_((?:decode|model\.|beam\d).*)$")


@dataclass(frozen=True, slots=True)
class Tag:
    """What an inference tag says.

    Attributes:
        settings: of the decoder, by ESPnet's names.
        model: checkpoint that was decoded with, such as ``valid.acc.ave``; `""` where it does not say.
        language_model: folder of the language model below ``exp/``; `""` where there was none.
        language_model_file: its checkpoint.
    """

    settings: dict[str, Any]
    model: str
    language_model: str
    language_model_file: str


def task_of(folder: str) -> str | None:
    """Return our task of a model folder by its name, None when it is none (``asr_stats_raw`` is none).

    >>> task_of("asr_train_conformer_raw_en_bpe5000_sp"), task_of("asr_stats_raw"), task_of("make_fbank")
    ('asr', None, None)
    """
    match = _PREFIX.match(folder)
    return None if match is None or is_statistics(folder) else TASK_OF_PREFIX[match[1]]


def kind_of(folder: str) -> str | None:
    """Return the word that a model folder's name begins with, None when it is none of ESPnet's."""
    match = _PREFIX.match(folder)
    return None if match is None else match[1]


def is_statistics(path: str) -> bool:
    """Return whether a path is, or lies in, a folder of the statistics that the recipes collect before training.

    >>> is_statistics("exp/asr_stats_raw_en_bpe5000/logdir"), is_statistics("exp/asr_train_stats")
    (True, False)
    """
    return any(_STATISTICS.match(part) is not None for part in path.split("/"))


def metric_of(folder: str) -> str | None:
    """Return what a folder such as ``score_wer`` is about, None when it is none."""
    match = _METRIC.match(folder)
    return None if match is None else match[1]


def read_tag(tag: str) -> Tag:
    """Return what an inference tag says.

    >>> tag = read_tag("decode_lm_weight0.4_lm_lm_train_lm_en_bpe5000_17epoch_asr_model_valid.loss.ave_10best")
    >>> tag.settings, tag.model, tag.language_model
    ({'lm_weight': 0.4}, 'valid.loss.ave_10best', 'lm_train_lm_en_bpe5000')
    """
    model = _MODEL.search(tag)
    language_model = _LANGUAGE_MODEL.search(tag)
    bare = tag[: model.start()] if model is not None else tag
    if language_model is not None:
        bare = bare[: language_model.start()]
    settings = {}
    for name, pattern, kind in _VALUES:
        found = pattern.search(bare)
        if found is not None:
            settings[name] = kind(found[1])
    return Tag(
        settings,
        model[1] if model is not None else "",
        language_model[1] if language_model is not None else "",
        language_model[2] if language_model is not None else "",
    )


def set_and_tag(cell: str) -> tuple[str, str]:
    """Return the test set and the inference tag that the first cell of a row of results names.

    >>> set_and_tag("decode_asr_lm/test_clean"), set_and_tag("decode_test_dev93_decode_lm_word65000")
    (('test_clean', 'decode_asr_lm'), ('test_dev93', 'decode_lm_word65000'))
    """
    tag, has_tag, rest = cell.partition("/")
    if has_tag:
        return rest, tag
    first = _FIRST_ESPNET.match(cell)
    return (first[1], first[2]) if first is not None else (cell.removeprefix("enhanced_"), "")
