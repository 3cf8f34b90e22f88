"""What kind of model a folder holds, by the programs that ran in it, what they said, and its name."""

from __future__ import annotations

import re

from speech_tracker.integrations.kaldi import nnet1_logs, nnet2_logs, nnet3_logs, rnnlm_logs, sgmm_logs, ubm_logs
from speech_tracker.integrations.kaldi.folders import RunFolder, by_stem
from speech_tracker.integrations.kaldi.job_headers import JobHeader
from speech_tracker.integrations.kaldi.layout import FEATURE_FOLDER
from speech_tracker.integrations.kaldi.trainer_output import ReportedIteration

MODEL_KINDS = ("mono", "tri", "sat", "sgmm", "nnet1", "nnet2", "nnet3", "chain", "rnnlm")
"""Kinds that decode or model language."""

STAGE_KINDS = ("ali", "lats", "ubm", "ivector-extractor", "ivectors", "dbn", "tree", "features", "decode", "other")
"""Kinds that serve a model."""

_PROGRAMS: tuple[tuple[str, str], ...] = (
    (r"^nnet3-chain-(train|compute-prob|combine)", "chain"),
    (r"^rnnlm-(train|compute-prob|get-egs)", "rnnlm"),
    (r"^nnet3-(train|compute-prob|combine|discriminative)", "nnet3"),
    (r"^nnet-train-frmshuff|^nnet-train-(mpe|mmi|perutt|multistream)", "nnet1"),
    (r"^rbm-train", "dbn"),
    (r"^nnet-(train-simple|train-parallel|train-ensemble|compute-prob|combine-fast|train-discriminative)", "nnet2"),
    (r"^sgmm2?-(est|acc-stats|init)", "sgmm"),
    (r"^ivector-extractor-", "ivector-extractor"),
    (r"^f?gmm-global-(est|acc-stats|init)", "ubm"),
    (r"^ivector-extract", "ivectors"),
    (r"^gmm-init-mono", "mono"),
)
"""Program → kind, the first that fits; GMM systems are told apart below."""

_DECODERS: tuple[tuple[str, str], ...] = (
    (r"nnet3-latgen|nnet3.*decode", "nnet3"),
    (r"nnet2?-latgen|nnet2", "nnet2"),
    (r"sgmm", "sgmm"),
    (r"latgen-faster-mapped|decode-faster-mapped", "nnet1"),
)
"""Decoder → kind, for a folder of which only the decoding is left."""

_NAMES: tuple[tuple[str, str], ...] = (
    (r"(^|/)chain\w*(/|$)", "chain"),
    (r"rnnlm", "rnnlm"),
    (r"(^|/)(mono\w*)$", "mono"),
    (r"(^|/)(sat\w*)$|_sat$", "sat"),
    (r"(^|/)(tri\w*)$", "tri"),
    (r"(^|/)\w*sgmm\w*$", "sgmm"),
    (r"nnet3|tdnn|lstm|cnn", "nnet3"),
    (r"nnet2", "nnet2"),
    (r"dnn|nnet", "nnet1"),
)


def kind_of(run: RunFolder, root_name: str) -> str:
    """Return the kind of a run folder, one of `MODEL_KINDS` or `STAGE_KINDS`.

    Args:
        run: the folder.
        root_name: name of the folder that was asked for, which is the run's own where its path is empty.
    """
    name = run.path or root_name
    last = name.rpartition("/")[2]
    if FEATURE_FOLDER.match(last):
        return "features"
    stems = by_stem(run.files)
    programs = _programs(run)
    said = {type(record) for file in run.files for record in file.records}
    trained = {"acc", "update", "train", "iter.tr", "iter.cv", "rbm", "est"} & set(stems)
    chain = re.search(_NAMES[0][0], name) is not None or _says_chain(run)
    for pattern, kind in _PROGRAMS:
        if any(re.match(pattern, each) for each in programs):
            return "chain" if kind == "nnet3" and chain else kind
    for record, kind in (
        (nnet3_logs.TrainObjective, "nnet3"),
        (nnet3_logs.Diagnostic, "nnet3"),
        (rnnlm_logs.LanguageModelObjective, "rnnlm"),
        (rnnlm_logs.EntropyEpoch, "rnnlm"),
        (nnet2_logs.Diagnostic, "nnet2"),
        (nnet2_logs.Backprop, "nnet2"),
        (nnet1_logs.PretrainingProgress, "dbn"),
        (nnet1_logs.AverageLoss, "nnet1"),
        (sgmm_logs.DataLikelihood, "sgmm"),
        (ubm_logs.UbmLikelihood, "ubm"),
        (ubm_logs.ExtractorAuxiliary, "ivector-extractor"),
    ):
        if record in said:
            return "chain" if kind == "nnet3" and chain else kind
    if trained & {"acc", "update"} or "gmm-est" in programs:
        return _gmm_kind(name, stems.keys() | programs)
    if any(each.entry.role.kind in ("report", "trainer", "xconfig") for each in run.files):
        return "chain" if chain else "nnet3"
    return _stage_kind(run, name, last, set(stems), programs, chain)


def _programs(run: RunFolder) -> set[str]:
    return {
        program
        for file in run.files
        for record in file.records
        if isinstance(record, JobHeader)
        for program in record.programs
    }


def _says_chain(run: RunFolder) -> bool:
    """Whether a diagnostic speaks of log-probabilities, or `accuracy.report`, which else has accuracies, does."""
    records = [record for file in run.files for record in file.records]
    reported = [record.train for record in records if isinstance(record, ReportedIteration)]
    return any(
        isinstance(record, nnet3_logs.Diagnostic) and record.quantity == "log-probability" for record in records
    ) or (bool(reported) and all(value < 0 for value in reported))


def _gmm_kind(name: str, evidence: set[str]) -> str:
    last = name.rpartition("/")[2]
    if last.startswith("mono") or "gmm-init-mono" in evidence:
        return "mono"
    adapted = {"fmllr", "raw_fmllr", "lvtln", "gmm-est-fmllr", "gmm-est-basis-fmllr", "gmm-est-lvtln-trans"}
    return "sat" if adapted & evidence or re.search(r"_sat(_|$)", last) else "tri"


def _stage_kind(run: RunFolder, name: str, last: str, stems: set[str], programs: set[str], chain: bool) -> str:
    if re.search(r"_(den)?lats\w*$", last):
        return "lats"
    if re.search(r"_ali\w*$", last) or "align" in stems:
        # the only log that is left of a model's training may be an alignment in the middle of it
        numbered = any(each.entry.role.iteration is not None for each in run.files if each.entry.role.stem == "align")
        return _named(name) or "ali" if numbered and not re.search(r"_ali\w*$", last) else "ali"
    if "build_tree" in stems or last.startswith("tree"):
        return "tree"
    if last.startswith("ivectors"):
        return "ivectors"
    if not run.files and not run.decodes and not run.others:
        return "other"
    decoders = {program for decode in run.decodes.values() for each in decode.files for record in each.records
                if isinstance(record, JobHeader) for program in record.programs}  # fmt: skip
    for pattern, kind in _DECODERS:
        if any(re.search(pattern, each) for each in decoders):
            return "chain" if kind == "nnet3" and chain else kind
    named = _named(name)
    if named is not None and (run.decodes or run.others):
        return named
    if run.path in run.decodes:
        return named or "decode"
    return named if named is not None and not programs else "other"


def _named(name: str) -> str | None:
    for pattern, kind in _NAMES:
        if re.search(pattern, name):
            return kind
    return None
