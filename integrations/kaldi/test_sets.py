"""Which test set a decode folder is about: by the data that its jobs read, else by its name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from speech_tracker.integrations.kaldi.job_headers import JobHeader
from speech_tracker.integrations.kaldi.read import ReadFile

_LM_PREFIX = re.compile(
    r"^(?:(?:nosp|bd|tg|fg|bg|tgpr|fgpr|tgsmall|tgmed|tglarge|fglarge|biglm|const|const_arpa|rescore\w*?|online|looped|sw1|"
    r"fsh|graph|utt|final|rnnlm\w*?|iter\d+)_)+(?=.)"
)
_LM_SUFFIX = re.compile(
    r"(?:[_.](?:tg|fg|bg|tgpr|fgpr|tgsmall|tgmed|tglarge|fglarge|biglm|const|const_arpa|(?:lm)?rescore\w*?|online|looped|"
    r"per_utt|sw1|fsh|rnnlm\w*?|it(?:er)?\d+|epoch\d+))+$"
)
"""Recipes of chain models name the language model last: ``decode_test_clean_fglarge``, whose logs name no data."""
_FEATURE_SUFFIX = re.compile(r"_(?:hires(?:_pitch)?|sp_hires|cmvn|hires_nopitch)$")
_DEV = re.compile(r"(?:^|[^a-z])(?:dev|valid|val|cv|dt|tune|tuning|heldout)(?:\d|[^a-z]|$)", re.IGNORECASE)


def test_set_of(decode_name: str, files: Iterable[ReadFile]) -> str:
    """Return the name of the set that a decode folder is about.

    Args:
        decode_name: of the folder.
        files: of the folder; the commands in its logs name the data.
    """
    counts: Counter[str] = Counter()
    for file in files:
        for record in file.records:
            if isinstance(record, JobHeader):
                # in the order of the command: the order of a set is another one in each process
                counts.update([*dict.fromkeys(name for folder in record.folders if (name := _data_name(folder)))])
    if counts:
        return max(counts, key=lambda name: (counts[name], name in decode_name))
    return from_name(decode_name)


def from_name(decode_name: str) -> str:
    """Return the test set that a decode folder's name tells.

    >>> from_name("decode_tgsmall_test_clean"), from_name("decode_test_clean_fglarge"), from_name("decode_eval92_tgpr_5k")
    ('test_clean', 'test_clean', 'eval92_tgpr_5k')
    """
    name = re.sub(r"^decode[_-]?", "", decode_name)
    name = re.sub(r"\.(si|pass1|alimdl|thr\S*|final)$|^\.", "", name)
    stripped = _LM_SUFFIX.sub("", "_" + _LM_PREFIX.sub("", name))[1:]
    return _FEATURE_SUFFIX.sub("", stripped) or "decode"


_DATA_FOLDER = re.compile(r"data([_-]|$)")
_NEVER_IN_DATA = frozenset({"exp", "conf"})


@lru_cache(maxsize=8192)
def data_path(folder: str) -> str | None:
    """Return the part of a path that names a data folder, or None when it is none.

    >>> data_path("/root/mys/data/exp/tri/decode"), data_path("../../x/data-fmllr-tri3/test")
    (None, 'data-fmllr-tri3/test')
    >>> data_path("/data/me/s5/exp/tri"), data_path("/data/me/s5/data/test")  # of a disk that is mounted as /data
    (None, 'data/test')
    """
    parts = [part for part in folder.split("/") if part not in ("", ".", "..")]
    for index in range(len(parts) - 1, -1, -1):
        if _DATA_FOLDER.match(parts[index]) is None or index + 1 == len(parts):
            continue
        rest = parts[index + 1 :]
        if rest[0] == "local" or rest[0].startswith("lang") or not _NEVER_IN_DATA.isdisjoint(rest):
            return None
        return "/".join(parts[index:])
    return None


def _data_name(folder: str) -> str | None:
    path = data_path(folder)
    return None if path is None else _FEATURE_SUFFIX.sub("", path.rpartition("/")[2])


def is_dev(test_set: str) -> bool:
    """Return whether a set is one to tune on, by its name.

    >>> is_dev("dev_clean"), is_dev("test_dev93"), is_dev("device")
    (True, True, False)
    """
    return _DEV.search(test_set) is not None
