"""What the names of icefall's result files say: the test set, the checkpoint, and the settings of the search.

The suffix is put together by each recipe's decode.py from its options: ``epoch-30-avg-9-context-2-max-sym-per-frame-1-
use-averaged-model``; since 2024 options are parted by ``_`` and ``__``. Source: egs/*/*/decode.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from speech_tracker.integrations.icefall.headers import date_and_rank

_METHODS = (
    "greedy_search_batch", "greedy_search", "greedy-search", "modified_beam_search_lm_shallow_fusion",
    "modified_beam_search_lm_rescore_LODR", "modified_beam_search_lm_rescore", "modified_beam_search_LODR",
    "modified_beam_search_lm_LODR", "modified_beam_search_rnnlm_shallow_fusion", "modified_beam_search_ts",
    "modified_beam_search", "modified-beam-search", "fast_beam_search_nbest_LG", "fast_beam_search_nbest_oracle",
    "fast_beam_search_nbest", "fast_beam_search_LG", "fast_beam_search_with_nbest_rescoring",
    "fast_beam_search_with_nbest_rnn_rescoring", "fast_beam_search", "fast_beam_seach", "beam_search", "beam-search",
    "ctc-greedy-search", "ctc_greedy_search", "ctc-greedy-decoding", "ctc-prefix-beam-search-attention-decoder-rescoring",
    "ctc-prefix-beam-search-shallow-fussion", "ctc-prefix-beam-search", "prefix-beam-search-shallow-fussion",
    "prefix-beam-search", "ctc-decoding", "ctc_decoding", "attention-decoder-rescoring-no-ngram",
    "attention-decoder-rescoring-with-ngram", "attention-decoder", "attention_decoder", "whole-lattice-rescoring",
    "nbest-rescoring-LG", "nbest-rescoring", "nbest-oracle", "rnn-lm", "nbest", "1best", "hlg", "one_best",
)  # fmt: skip
_METHOD = re.compile("|".join(re.escape(each) for each in sorted(_METHODS, key=len, reverse=True)))
_FOLDER = re.compile(
    rf"^(?:{_METHOD.pattern}|.*(?:greedy|beam)[-_]sea?r?ch.*|.*(?:nbest|rescor|decoding|shallow).*|streaming|simulated_streaming)$"
)
_RESULT = re.compile(
    r"^(?P<kind>recogs|errs|wer-summary|cer-summary)-(?P<set>.+?)(?:[-_](?P<suffix>(?:epoch|iter|checkpoint)-+\d.*))?\.txt$"
)
_KEY = re.compile(
    r"[-_](?=(?:beam_size_|beam_\d|beam-\d|no[_-]rescore|lm_scale|ngram_lm_scale|nnlm_scale|rnn_lm_scale|attention_scale"
    r"|oracle_|num[_-]active[_-]paths|temperature_|blank_penalty|context_score|ctc|"
    + _METHOD.pattern
    + r")(?:[-_.\d]|$|[a-z]))"
)
_LODR = re.compile(r"LODR-(?P<order>\d+)gram-scale-(?P<scale>-?[\d.]+)")
_LM = re.compile(r"(?P<type>rnn|rnnlm|transformer|ngram|nn|lstm)[-_]lm[-_]scale[-_](?P<scale>-?[\d.]+)")
_VALUE = r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?(?:,-?\d+)*"
_OPTION = re.compile(rf"([A-Za-z][A-Za-z_-]*?)[-_]({_VALUE})(?=[-_]|$)")
_FLAGS = {
    "use-averaged-model": "use_averaged_model",
    "with-averaged-model": "use_averaged_model",
    "uam": "use_averaged_model",
    "post-normalization": "post_normalization",
    "no-contexts-words": "no_contexts_words",
    "no-context-words": "no_contexts_words",
}
_FLAG = re.compile(rf"(?:^|[-_]+)({'|'.join(map(re.escape, _FLAGS))})(?=[-_]|$)")
_NAMES = {
    "context": "context_size",
    "left_context": "left_context_frames",
    "streaming_chunk_size": "chunk_size",
    "chunk": "chunk_size",
    "left": "left_context_frames",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a search, by our names.

    Attributes:
        epoch: of the checkpoint; None where it is an iteration.
        iteration: of the checkpoint, in batches.
        average: how many checkpoints were averaged.
        averaged_model: whether the running average that training keeps was used.
        method: of the search; `""` where the name does not say.
        others: (name, value), in the order of the name.
    """

    epoch: int | None
    iteration: int | None
    average: int | None
    averaged_model: bool
    method: str
    others: tuple[tuple[str, Any], ...]

    @property
    def checkpoint(self) -> str:
        """The checkpoint as people say it: ``epoch 30, avg 9``."""
        parts = []
        if self.iteration is not None:
            parts.append(f"iter {self.iteration}")
        elif self.epoch is not None:
            parts.append(f"epoch {self.epoch}")
        if self.average is not None:
            parts.append(f"avg {self.average}")
        if self.averaged_model:
            parts.append("averaged model")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class ResultName:
    """The name of a result file.

    Attributes:
        kind: ``recogs``, ``errs`` or ``summary``.
        test_set: its name.
        key: setting of the search that is named before the suffix, `""` in newer recipes.
        suffix: the rest, as it stands there.
        metric: ``cer`` where the name says so, else `""`.
    """

    kind: str
    test_set: str
    key: str
    suffix: str
    metric: str


def parse_result_name(name: str) -> ResultName | None:
    """Return what the name of a result file says, None when it is none.

    >>> parse_result_name("recogs-test-clean-greedy_search-epoch-30-avg-9-context-2.txt")
    ResultName(kind='recogs', test_set='test-clean', key='greedy_search', suffix='epoch-30-avg-9-context-2', metric='')
    """
    match = _RESULT.match(name)
    if match is None:
        return None
    kind = "summary" if match["kind"].endswith("summary") else match["kind"]
    metric = "cer" if match["kind"] == "cer-summary" else ""
    test_set = match["set"]
    if test_set.startswith("CER-"):
        test_set, metric = test_set.removeprefix("CER-"), "cer"
    if test_set.endswith("-char"):
        test_set, metric = test_set.removesuffix("-char"), "cer"
    test_set, key = split_label(test_set)
    return ResultName(kind, test_set, key, match["suffix"] or "", metric)


def split_label(label: str, test_sets: tuple[str, ...] = ()) -> tuple[str, str]:
    """Return test set and setting of ``test-clean-beam_size_4``.

    Args:
        label: both, joined by ``-`` or ``_``.
        test_sets: names that are known to be test sets.
    """
    for name in sorted(test_sets, key=len, reverse=True):
        if label == name:
            return name, ""
        if label.startswith((f"{name}-", f"{name}_")):
            return name, label[len(name) + 1 :]
    match = _KEY.search(label, 1)  # a set has a name
    return (label[: match.start()], label[match.end() :]) if match is not None else (label, "")


def suffix_of_log(name: str) -> str:
    """Return the suffix in the name of a decode log: ``log-decode-<suffix>-<date>``."""
    date, _ = date_and_rank(name)
    plain = name.removeprefix("log-decode").lstrip("-")
    if not date:
        return plain
    return plain[: plain.rindex(date)].rstrip("-")


def parse_suffix(suffix: str) -> Settings:
    """Return the settings that a suffix names.

    >>> parse_suffix("epoch-30-avg-9-modified_beam_search-beam-size-4-use-averaged-model").others
    (('beam_size', 4),)
    """
    rest = suffix
    others: dict[str, Any] = {}
    flags = {_FLAGS[match[1]] for match in _FLAG.finditer(rest)}
    rest = _FLAG.sub("", rest)
    lodr = _LODR.search(rest)
    if lodr is not None:
        others["lodr_order"], others["lodr_scale"] = int(lodr["order"]), float(lodr["scale"])
        rest = rest[: lodr.start()] + rest[lodr.end() :]
    language_model = _LM.search(rest)
    if language_model is not None:
        name = "ngram_lm_scale" if language_model["type"] == "ngram" else "lm_scale"
        others[name] = _value(language_model["scale"])
        if name == "lm_scale":
            others["lm_type"] = language_model["type"].removesuffix("lm")
        rest = rest[: language_model.start()] + rest[language_model.end() :]
    method = _METHOD.search(rest)
    if method is not None:
        rest = f"{rest[: method.start()].rstrip('-_')}-{rest[method.end() :].lstrip('-_')}".strip("-")
    options: dict[str, Any] = {}
    for match in _OPTION.finditer(rest):
        name = match[1].strip("-_").replace("-", "_")
        options[_NAMES.get(name, name)] = _value(match[2])
    epoch, iteration = options.pop("epoch", None), options.pop("iter", options.pop("checkpoint", None))
    average = options.pop("avg", None)
    others = {**options, **others, **{flag: True for flag in sorted(flags) if flag != "use_averaged_model"}}
    return Settings(
        _whole(epoch), _whole(iteration), _whole(average), "use_averaged_model" in flags,
        method[0] if method is not None else "", tuple(others.items()),
    )  # fmt: skip


def parse_key(key: str) -> dict[str, Any]:
    """Return the settings of a key such as ``ngram_lm_scale_0.3_attention_scale_0.5``, a method under ``method``."""
    rest = key
    found: dict[str, Any] = {}
    method = _METHOD.search(rest)
    if method is not None:
        found["method"] = method[0]
        rest = rest[: method.start()] + rest[method.end() :]
    for match in _OPTION.finditer(rest):
        name = match[1].strip("-_").replace("-", "_")
        found[_NAMES.get(name, name)] = _value(match[2])
    return found


def is_method_folder(name: str) -> bool:
    """Return whether a folder is named after a search, as those below ``exp`` are that hold its results."""
    return _FOLDER.match(name) is not None


def _value(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
