"""What the names of WeNet's decode folders say: the test set, the mode, and the options of the search."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_MODES = (
    "ctc_prefix_beam_search", "ctc_greedy_search", "attention_rescoring", "attention", "rnnt_beam_attn_rescoring",
    "ctc_beam_td_attn_rescoring", "rnnt_beam_att_rescore", "rnnt_greedy_search", "rnnt_beam_search", "hlg_onebest",
    "hlg_rescore", "paraformer_greedy_search", "paraformer_beam_search", "lm_with_runtime", "lfmmi_hlg", "hlg",
    "ctc_prefix_beam", "ctc_greedy", "rescoring",
)  # fmt: skip
_MODE = re.compile(
    rf"(?:^|(?<=[_.-]))({'|'.join(map(re.escape, sorted(_MODES, key=len, reverse=True)))})(?=$|[_.-]|\d)"
)
_OPTIONS = (
    ("chunk_size", re.compile(r"(?:decoding_)?chunk(?:_size)?(?:_|-(?!1(?!\d)))?(-?\d+)")),
    ("ctc_weight", re.compile(r"ctc(?:_weight)?[_-]?(\d*\.\d+)")),
    ("reverse_weight", re.compile(r"(?:reverse|rev)(?:_weight)?[_-]?(\d*\.\d+)")),
    ("beam_size", re.compile(r"beam(?:_size)?[_-]?(\d+)")),
    ("average", re.compile(r"av(?:era)?ge?[_-]?(\d+)")),
    ("blank_penalty", re.compile(r"blank_penalty[_-]?(\d*\.?\d+)")),
)


@dataclass(frozen=True, slots=True)
class DecodeName:
    """The name of a decode folder.

    Attributes:
        test_set: its name, ``test`` where it does not say.
        mode: of the search.
        options: (name, value).
    """

    test_set: str
    mode: str
    options: tuple[tuple[str, Any], ...]


def parse_decode_name(name: str) -> DecodeName | None:
    """Return what the name of a decode folder says, None when it names no mode.

    >>> parse_decode_name("test_clean_attention_rescoring_chunk16")
    DecodeName(test_set='test_clean', mode='attention_rescoring', options=(('chunk_size', 16),))
    """
    match = _MODE.search(name)
    if match is None:
        return None
    before, after = name[: match.start()].strip("_.-"), name[match.end() :]
    options: dict[str, Any] = {}
    for option, pattern in _OPTIONS:
        found = pattern.search(after)
        if found is not None:
            options[option] = float(found[1]) if "." in found[1] else int(found[1])
            after = after[: found.start()] + after[found.end() :]
    plain = re.fullmatch(r"[_-](-?\d+)", after)  # a bare number is the chunk
    if plain is not None and "chunk_size" not in options:
        options["chunk_size"] = int(plain[1])
    return DecodeName(before or "test", match[1], tuple(options.items()))
