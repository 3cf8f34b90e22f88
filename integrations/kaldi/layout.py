"""What each file of a Kaldi experiment is, by its name and the folder that it stands in.

Recipes name their logs ``<stem>.<iteration>.<job>.log``, with the parts that they have; the stem says which program wrote
it. Nothing is opened here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from speech_tracker.integrations.kaldi.scoring import parse_score_folder, parse_score_name

Kind = Literal["log", "score", "best", "number", "bootstrap", "report", "sys", "dtl", "options", "xconfig", "trainer",
               "details", "text", "model", "data"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileRole:
    """What a file is.

    Attributes:
        kind: which parser reads it; ``details``, ``text``, ``model`` and ``data`` are read when they are needed.
        grammar: of a log: which messages it has; `""` otherwise.
        stem: of a log's name.
        iteration: of a log: its number, or ``final`` and ``combined`` of the diagnostics; None where it has none.
        job: of a log: its number; None where it has none.
    """

    kind: Kind
    grammar: str = ""
    stem: str = ""
    iteration: int | str | None = None
    job: int | None = None

    @property
    def name(self) -> str:
        """For the state of the file: what it is read as."""
        return f"{self.kind}:{self.grammar}" if self.grammar else self.kind

    @property
    def parser(self) -> str:
        """Key into the parsers."""
        return (self.grammar or "trainer") if self.kind in ("log", "trainer") else self.kind


_LOG = re.compile(
    r"^(?P<stem>[A-Za-z][\w-]*)(?:\.(?P<first>\d{1,9}|final|combined|init))?(?:\.(?P<second>\d{1,9}))?(?:\.(?P<kind>tr|cv|initial))?\.log$"
)
_NNET1 = re.compile(r"^iter(?P<iteration>\d{1,9})\.(?P<part>tr|cv|initial)\.log$")

_ITERATION_FIRST = frozenset(
    [
        "update",
        "mupdate",
        "progress",
        "average",
        "shrink",
        "mix_up",
        "select",
        "objf",
        "compute_prob",
        "compute_prob_train",
        "compute_prob_valid",
        "den_acc_sum",
        "num_acc_sum",
        "train",
        "tr_iter",
        "est",
    ]
)
"""Stems whose only number is the iteration; of every other stem it is the job."""

_GRAMMARS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), grammar)
    for pattern, grammar in (
        (r"^align(_pass\d)?$|^ali$", "align"),
        (r"^(acc|update|mixup|mix_up_gmm|init|init_model|build_tree|lda_est|lda_acc|macc|mupdate|est|sum_acc)$", "gmm"),
        (r"^(acc_\w+|update_\w+|est_\w+|sum_\w+|build_tree_\w+|init_\w+|objf)$", "gmm"),
        (r"^(fmllr\w*|raw_fmllr\w*|trans\w*|lvtln\w*|spk_?vecs\w*|vecs\w*|basis\w*)$", "fmllr"),
        (r"^(train|compute_prob\w*|combine|shrink|average|compute_objf\w*|tr_iter)$", "network"),
        (r"^progress$", "progress"),
        (r"^(train_nnet|rbm|iter\d*|pretrain_dbn|nnet_train)$", "nnet1"),
        (r"^rnnlm$", "rnnlm"),
        (r"^(decode\w*|lattice_best_path|analyze_lattice_depth_stats|oracle\w*|generate_lattices|lat_?gen\w*|online\w*)$",
         "decode"),
    )
)  # fmt: skip

_SINGLE_NUMBERS = frozenset({"num_jobs", "num_pdfs", "frame_subsampling_factor", "lmwt", "wip", "ivector_dim"})
_OPTION_FILES = frozenset({"cmvn_opts", "delta_opts", "splice_opts", "lda_opts"})
_MODELS = re.compile(r"^final\.(mdl|nnet|raw|ie|ubm|dubm|dbn)$|^(tree|final\.config)$")
_DETAILS = frozenset({"per_utt", "per_spk", "ops"})
_TEXT_FOLDER = re.compile(r"^(penalty_-?[\d.]+|scoring\w*)$")
_DATA = frozenset(
    {
        "wav.scp",
        "segments",
        "text",
        "utt2spk",
        "spk2utt",
        "utt2dur",
        "reco2dur",
        "utt2num_frames",
        "spk2gender",
        "frame_shift",
    }
)

FEATURE_FOLDER = re.compile(r"^make_(mfcc|plp|fbank|pitch|hires|vad|cmvn|spectrogram)\w*$|^(vad|make_vad|compute_vad)$")
"""Folders of feature extraction hold their logs without a folder ``log``."""


def role_of(name: str, folders: tuple[str, ...]) -> FileRole | None:
    """Return what a file is, None when it is of no use here.

    Args:
        name: of the file.
        folders: the names of the folders that it stands in, from the outermost that was asked for.
    """
    folder = folders[-1] if folders else ""
    if name.endswith(".log"):
        in_log_folder = folder == "log" or any(FEATURE_FOLDER.match(each) for each in folders[-3:])
        return _log_role(name, in_log_folder)
    if name.startswith(("wer_", "cer_")) and parse_score_name(name) is not None:
        return FileRole("score")
    if name in ("best_wer", "best_cer"):
        return FileRole("best")
    if name in _SINGLE_NUMBERS:
        return FileRole("number")
    if name in ("wer_bootci", "cer_bootci"):
        return FileRole("bootstrap")
    if name in _DETAILS and folder.endswith("_details"):
        return FileRole("details")
    if name.endswith(".sys") and parse_score_folder(folder) is not None:
        return FileRole("sys")
    if name.endswith(".dtl") and parse_score_folder(folder) is not None:
        return FileRole("dtl")
    if name == "accuracy.report":
        return FileRole("report")
    if name in _OPTION_FILES or (name.endswith(".conf") and folder in ("conf", "config")):
        return FileRole("options")
    if name.endswith(".xconfig") and folder == "configs":
        return FileRole("xconfig")
    if name.startswith("train") and name.endswith((".stdout.txt", ".stdout", ".out")):
        return FileRole("trainer")
    if _MODELS.match(name):
        return FileRole("model")
    if name.endswith(".txt") and _TEXT_FOLDER.match(folder):
        return FileRole("text")
    if name in _DATA:
        return FileRole("data")
    return None


def _log_role(name: str, in_log_folder: bool) -> FileRole | None:
    nnet1 = _NNET1.match(name)
    if nnet1 is not None:
        return FileRole("log", "nnet1", f"iter.{nnet1['part']}", int(nnet1["iteration"]))
    match = _LOG.match(name)
    if match is None:
        return FileRole("log", "job", name.removesuffix(".log")) if in_log_folder else None
    stem, first, second = match["stem"], match["first"], match["second"]
    grammar = _grammar(stem)
    # outside a log folder only what Kaldi itself puts beside the model is taken: a user's own logs may be anything
    if not in_log_folder and not (stem == "objf" or (stem == "train" and first is None)):
        return None
    if stem == "train" and first is None:
        return FileRole("trainer", "", stem) if not in_log_folder else FileRole("log", "trainer", stem)
    iteration: int | str | None = None
    job: int | None = None
    if second is not None:
        iteration, job = _value(first), int(second)
    elif first is not None and (stem in _ITERATION_FIRST or not first.isdecimal()):
        iteration = _value(first)
    elif first is not None:
        job = int(first)
    return FileRole("log", grammar, stem, iteration, job)


@lru_cache(maxsize=1024)
def _grammar(stem: str) -> str:
    return next((grammar for pattern, grammar in _GRAMMARS if pattern.match(stem)), "job")


def _value(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdecimal() else text
