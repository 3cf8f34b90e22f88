"""How a metric is read: its unit, which way is better, how it is printed. One table for every toolkit.

Rates are fractions in code and on disk, percent only in print: a WER of 0.082 is printed as ``8.20 %``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Direction = Literal["min", "max"]
Unit = Literal["fraction", "seconds", "ratio", "decibel", "score", "count", "none"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of a metric.

    Attributes:
        name: the last part of its key, for example ``wer`` of ``valid/wer``.
        title: how people write it.
        unit: ``fraction`` is printed in percent.
        direction: which way is better, None where neither is.
    """

    name: str
    title: str
    unit: Unit = "none"
    direction: Direction | None = None


_TABLE: tuple[Metric, ...] = (
    Metric("wer", "WER", "fraction", "min"),
    Metric("cer", "CER", "fraction", "min"),
    Metric("ter", "TER", "fraction", "min"),  # token error rate
    Metric("per", "PER", "fraction", "min"),  # phone error rate
    Metric("ser", "SER", "fraction", "min"),
    Metric("sentence_error_rate", "SER", "fraction", "min"),
    Metric("mixed_error_rate", "mixed error rate", "fraction", "min"),
    Metric("match_error_rate", "match error rate", "fraction", "min"),
    Metric("error_rate", "error rate", "fraction", "min"),
    Metric("wer_teacher_forced", "WER (teacher-forced)", "fraction", "min"),
    Metric("cer_teacher_forced", "CER (teacher-forced)", "fraction", "min"),
    Metric("cer_ctc", "CER (CTC)", "fraction", "min"),
    Metric("wer_ctc", "WER (CTC)", "fraction", "min"),
    Metric("cpwer", "cpWER", "fraction", "min"),
    Metric("orcwer", "ORC-WER", "fraction", "min"),
    Metric("tcpwer", "tcpWER", "fraction", "min"),
    Metric("der", "DER", "fraction", "min"),
    Metric("jer", "JER", "fraction", "min"),
    Metric("eer", "EER", "fraction", "min"),
    Metric("loss", "loss", "none", "min"),
    Metric("nll_loss", "negative log-likelihood", "none", "min"),
    Metric("perplexity", "perplexity", "none", "min"),
    Metric("ppl", "perplexity", "none", "min"),
    Metric("accuracy", "accuracy", "fraction", "max"),
    Metric("acc", "accuracy", "fraction", "max"),
    Metric("bleu", "BLEU", "score", "max"),
    Metric("chrf", "chrF", "score", "max"),
    Metric("mos", "MOS", "score", "max"),
    Metric("pesq", "PESQ", "score", "max"),
    Metric("stoi", "STOI", "score", "max"),
    Metric("si_snr", "SI-SNR", "decibel", "max"),
    Metric("sdr", "SDR", "decibel", "max"),
    Metric("rtf", "RTF", "ratio", "min"),
    Metric("learning_rate", "learning rate"),
    Metric("lr", "learning rate"),
    Metric("objective", "objective", "none", "max"),
    Metric("log_likelihood", "log-likelihood per frame", "none", "max"),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
"""Name → what is known of it."""

_SUFFIX = re.compile(r"[_\-.](wer|cer|eer|der|loss|accuracy|acc|bleu)$")


def metric(key: str) -> Metric:
    """Return what is known of the metric with this key (``valid/wer``, ``train/loss_ctc``); never fails.

    The last part of the key decides; where it is not in the table, a known word at its beginning or end does
    (``loss_ctc``, ``valid_wer``).

    >>> metric("test/test-clean/wer").direction
    'min'
    >>> metric("train/loss_ctc").direction
    'min'
    """
    name = key.rpartition("/")[2].lower()
    if name in METRICS:
        return METRICS[name]
    prefix = re.match(r"(loss|wer|cer|acc|accuracy)[_\-.]", name)
    found = prefix or _SUFFIX.search(name)
    if found is None:
        return Metric(name, name)
    known = METRICS[found[1]]
    return Metric(name, name, known.unit, known.direction)


def show_value(key: str, value: float | None) -> str:
    """Return a metric's value for people: error rates in percent with two decimals, other numbers short.

    >>> show_value("valid/wer", 0.0819639)
    '8.20 %'
    """
    if value is None:
        return "-"
    if metric(key).unit == "fraction" and value == value and abs(value) != float("inf"):  # noqa: PLR0124 - NaN
        return f"{100 * value:.2f} %"
    return f"{value:.6g}"
