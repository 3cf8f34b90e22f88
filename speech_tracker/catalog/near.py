"""What a mistyped metric was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def near(name: str, known: Sequence[str], *, at_most: int = 5) -> list[str]:
    """Return the names among `known` that come closest to `name`, the closest first.

    A name whose last part is the same (``wer`` for ``valid/wer``) comes before one that is merely spelled alike.

    >>> near("wer", ["train/loss", "valid/wer", "test/test-clean/wer"])
    ['test/test-clean/wer', 'valid/wer']
    >>> near("trian/loss", ["train/loss", "valid/wer"])
    ['train/loss']
    """
    wanted = name.lower().rpartition("/")[2]
    same = sorted(each for each in known if wanted and each.lower().rpartition("/")[2] == wanted)
    inside = sorted(each for each in known if wanted and wanted in each.lower())
    alike = difflib.get_close_matches(name, known, n=at_most, cutoff=0.6)
    return list(dict.fromkeys([*same, *alike, *inside]))[:at_most]
