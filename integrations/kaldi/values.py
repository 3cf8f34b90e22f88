"""What a record of a training log is worth on a curve: its metric, its weight, and how jobs are put together."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from speech_tracker.integrations.kaldi import (
    align_logs,
    fmllr_logs,
    gmm_logs,
    nnet1_logs,
    nnet2_logs,
    nnet3_logs,
    progress_logs,
    rnnlm_logs,
    sgmm_logs,
    ubm_logs,
)
from speech_tracker.integrations.kaldi.job_headers import JobHeader

How = Literal["mean", "sum", "last", "max"]


class Value(NamedTuple):
    """One value of one log.

    Attributes:
        name: of the metric.
        value: as said; percentages as fractions.
        weight: frames or words that it is a mean over; None where it is none.
        how: the jobs of one iteration are put together.
    """

    name: str
    value: float
    weight: float | None = None
    how: How = "last"


Reading = Callable[[Any, str], list[Value]]
"""Makes values of a record and the stem of its log's name."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")


def name_part(name: str) -> str:
    """Return a name as a part of a metric's name: ``output-xent`` → ``output_xent``."""
    cleaned = _UNSAFE.sub("_", name)
    return cleaned if cleaned[:1].isalpha() else f"_{cleaned}"


def split_of(stem: str) -> str:
    """Return whose data a log is about: ``compute_prob_valid`` and ``iter.cv`` are held out.

    >>> split_of("compute_prob_valid"), split_of("train")
    ('valid', 'train')
    """
    return "valid" if stem in ("compute_prob_valid", "compute_prob", "iter.cv", "iter.initial") else "train"


def _last(name: str, attribute: str) -> Reading:
    return lambda record, _: [Value(name, getattr(record, attribute))]


def _total(name: str, attribute: str) -> Reading:
    return lambda record, _: [Value(name, getattr(record, attribute), None, "sum")]


def _mean(name: str, attribute: str, weight: str = "frames") -> Reading:
    return lambda record, _: [Value(name, getattr(record, attribute), getattr(record, weight), "mean")]


def _both(*readings: Reading) -> Reading:
    return lambda record, stem: [value for reading in readings for value in reading(record, stem)]


def _only(stem: str, reading: Reading) -> Reading:
    """The same, of logs with this stem only: others say it of something else."""
    return lambda record, found: reading(record, found) if found == stem else []


def _parameter(record: sgmm_logs.ParameterImprovement, _: str) -> list[Value]:
    return [Value(f"train/improvement/{name_part(record.parameter)}", record.improvement_per_frame)]


def _loss1(record: nnet1_logs.AverageLoss, stem: str) -> list[Value]:
    return [Value("pretrain/loss" if stem == "rbm" else f"{split_of(stem)}/loss", record.loss)]


def _accuracy1(record: nnet1_logs.FrameAccuracy, stem: str) -> list[Value]:
    return [Value(f"{split_of(stem)}/accuracy", record.percent / 100)]


def _diagnostic2(record: nnet2_logs.Diagnostic, stem: str) -> list[Value]:
    split = split_of(stem)
    return [
        Value(f"{split}/log_probability/output", record.log_probability_per_frame, record.weight, "mean"),
        Value(f"{split}/accuracy/output", record.accuracy, record.weight, "mean"),
    ]


def _combined2(record: nnet2_logs.NetworksCombined, _: str) -> list[Value]:
    return [Value("combine/objective_before", record.before), Value("combine/objective_after", record.after)]


def _combined3(record: nnet3_logs.ModelsCombined, _: str) -> list[Value]:
    return [
        Value("combine/models", record.models),
        Value("combine/objective_before", record.before),
        Value("combine/objective_after", record.after),
    ]


def _objective3(record: nnet3_logs.TrainObjective | nnet3_logs.PhaseObjective, _: str) -> list[Value]:
    output = name_part(record.output)
    values = [Value(f"train/objective/{output}", record.objective, record.frames, "mean")]
    if record.regularizer is not None:
        values.append(Value(f"train/objective_regularizer/{output}", record.regularizer, record.frames, "mean"))
    return values


def _diagnostic3(record: nnet3_logs.Diagnostic, stem: str) -> list[Value]:
    # the training objective of all data is `objective`; this one is of the diagnostic subset
    quantity = "diagnostic_objective" if record.quantity == "objective" else name_part(record.quantity)
    output, split = name_part(record.output), split_of(stem)
    values = [Value(f"{split}/{quantity}/{output}", record.value, record.frames, "mean")]
    if record.regularizer is not None:
        values.append(Value(f"{split}/{quantity}_regularizer/{output}", record.regularizer, record.frames, "mean"))
    return values


def _changes(record: progress_logs.ParameterChange, _: str) -> list[Value]:
    if record.quantity != "relative" or not record.values:
        return []
    return [
        Value("train/parameter_change/mean", sum(record.values) / len(record.values)),
        Value("train/parameter_change/max", max(record.values)),
    ]


def _language_model(record: rnnlm_logs.LanguageModelObjective, stem: str) -> list[Value]:
    split = split_of(stem)
    # in training the normalisation is sampled, so that "exact" is none; on the dev set it is
    objective = record.exact if split == "valid" and record.exact is not None else record.objective
    return [Value(f"{split}/objective_per_word", objective, record.words, "mean")]


def _entropy(record: rnnlm_logs.EntropyEpoch, _: str) -> list[Value]:
    return [
        Value("train/entropy", record.train_entropy),
        Value("valid/entropy", record.valid_entropy),
        Value("valid/perplexity", power(2.0, record.valid_entropy)),
        Value("train/learning_rate", record.learning_rate),
    ]


def power(base: float, exponent: float) -> float:
    """Return ``base ** exponent``, infinity where that is too large."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf


LIKELIHOOD = _mean("train/log_likelihood_per_frame", "log_likelihood_per_frame")

VALUES: dict[type[Any], Reading] = {
    gmm_logs.GaussianLikelihood: LIKELIHOOD,
    gmm_logs.Accumulated: _both(_total("train/utterances", "done"), _total("train/utterances_failed", "failed")),
    gmm_logs.TransitionUpdate: _last("train/transition_improvement_per_frame", "improvement_per_frame"),
    gmm_logs.GaussianUpdate: _last("train/gaussian_improvement_per_frame", "improvement_per_frame"),
    gmm_logs.GaussiansSplit: _only("update", _last("train/gaussians", "after")),
    gmm_logs.VariancesFloored: _last("train/gaussians_floored", "gaussians"),
    gmm_logs.GaussiansRemoved: _last("train/gaussians_removed", "removed"),
    gmm_logs.MlltUpdate: _last("train/mllt_improvement_per_frame", "improvement_per_frame"),
    gmm_logs.TreeImprovement: _last("tree/improvement_per_frame", "improvement_per_frame"),
    gmm_logs.TreeLeaves: _last("tree/leaves", "leaves"),
    gmm_logs.WeightedLikelihood: _mean("train/likelihood_difference_per_frame", "difference_per_frame"),
    gmm_logs.LatticeLikelihood: _mean("train/lattice_log_likelihood_per_frame", "log_likelihood_per_frame"),
    gmm_logs.MmiObjective: _last("train/mmi_objective", "objective"),
    sgmm_logs.ParameterImprovement: _parameter,
    sgmm_logs.TotalImprovement: _last("train/improvement_per_frame", "improvement_per_frame"),
    sgmm_logs.EbwImprovement: _last("train/improvement_per_frame", "improvement_per_frame"),
    sgmm_logs.SubstatesSplit: _last("train/substates", "after"),
    ubm_logs.UbmLikelihood: LIKELIHOOD,
    ubm_logs.UbmUpdate: _last("train/improvement_per_frame", "improvement_per_frame"),
    ubm_logs.ExtractorAuxiliary: _last("train/auxiliary_per_frame", "auxiliary_per_frame"),
    ubm_logs.ExtractorImprovement: _last("train/improvement_per_frame", "improvement_per_frame"),
    align_logs.LogLikelihood: _mean("align/log_likelihood_per_frame", "log_likelihood_per_frame"),
    align_logs.Retried: _total("align/utterances_retried", "retried"),
    align_logs.Aligned: _both(_total("align/utterances", "done"), _total("align/utterances_failed", "failed")),
    align_logs.AlignedEqually: _total("align/utterances", "done"),
    fmllr_logs.AdaptationImprovement: _mean("fmllr/improvement_per_frame", "improvement_per_frame"),
    nnet1_logs.AverageLoss: _loss1,
    nnet1_logs.FrameAccuracy: _accuracy1,
    nnet2_logs.Backprop: _only("train", _mean("train/objective/output", "log_probability_per_frame", "examples")),
    nnet2_logs.Diagnostic: _diagnostic2,
    nnet2_logs.NetworksCombined: _only("combine", _combined2),
    nnet3_logs.TrainObjective: _objective3,
    nnet3_logs.PhaseObjective: _objective3,
    nnet3_logs.Diagnostic: _diagnostic3,
    nnet3_logs.ModelsCombined: _combined3,
    nnet3_logs.GlobalMaxChange: lambda record, _: [Value("train/max_change/global", record.percent / 100, 1.0, "mean")],
    progress_logs.ParameterChange: _changes,
    rnnlm_logs.LanguageModelObjective: _language_model,
    rnnlm_logs.EntropyEpoch: _entropy,
}
"""The values of each class of records."""

LAST_OF_LOG = (nnet1_logs.AverageLoss, nnet1_logs.FrameAccuracy, nnet2_logs.Diagnostic, gmm_logs.TreeLeaves)
"""A log may print these several times on its way: the last one counts."""


def counted(records: Iterable[Any]) -> list[Any]:
    """Return the records of one log that count."""
    result = []
    last: dict[type[Any], Any] = {}
    for record in records:
        if isinstance(record, LAST_OF_LOG):
            last[type(record)] = record
        else:
            result.append(record)
    return [*result, *last.values()]


def from_command(header: JobHeader, stem: str) -> list[Value]:
    """Return the learning rate that a training job was started with, and the job itself as a count."""
    options = dict(header.options)
    values = [Value("train/jobs", 1, None, "sum")] if stem == "train" else []
    rates = ""
    if stem in ("train", "iter.tr"):
        rates = options.get("learning-rate") or options.get("learn-rate") or ""
    elif stem == "average":  # nnet2: one for each updatable layer
        rates = options.get("learning-rates") or ""
    try:
        found = [float(each) for each in rates.split(":") if each]
    except ValueError:
        return values
    return [*values, Value("train/learning_rate", max(found))] if found else values
