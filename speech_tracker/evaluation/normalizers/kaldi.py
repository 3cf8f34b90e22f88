"""What Kaldi recipes do to both sides before ``compute-wer``: their ``local/wer_output_filter`` and its kin.

Each rule works on words parted by white space and leaves the rest as it is, case included where not said otherwise.
Source: kaldi-asr/kaldi at f400766, the files named at each function.
"""

from __future__ import annotations

import re

VERSION = "1"

_TAG = re.compile(r"\[.*\]|<.*>|!SIL")
_SQUARE_TAG = re.compile(r"\[.*\]")
_CHIME = (("mhm", "hmm"), ("mm", "hmm"), ("mmm", "hmm"))
_CHIME_WORDS = tuple((re.compile(rf"\b{word}\b"), target) for word, target in _CHIME)
_FISHER_WORDS = ("[NOISE]", "[LAUGHTER]", "[VOCALIZED-NOISE]", "<UNK>", "%HESITATION")
_FISHER = frozenset(_FISHER_WORDS) | {word.lower() for word in _FISHER_WORDS}
_WSJ = (
    ("<NOISE>", ""), ("<SPOKEN_NOISE>", ""), ("<UNK>", ""), (":", ""), ("*", ""), ("-HOLDER", "HOLDER"),
    ("COMPAIGN", "CAMPAIGN"), ("APPROACHES-", "APPROACHES"), ("RESEACHERS", "RESEARCHERS"),
)  # fmt: skip
_GIGASPEECH = frozenset(
    "UH UHH UM EH MM HM AH HUH HA ER OOF HEE HMM ACH EEE EW <UNK> <COMMA> <PERIOD> <QUESTIONMARK> "  # noqa: SIM905
    "<EXCLAMATIONPOINT> <SIL> <NOISE> <MUSIC> <OTHER>".split()
)


def tags(text: str) -> str:
    """Drop every word that holds ``[…]``, ``<…>`` or ``!SIL``.

    As in aishell, aishell2, aidatatang_200zh, hkust, multi_cn (``local/wer_output_filter``).

    >>> tags("so <unk> [noise] UH yes !SIL")
    'so UH yes'
    """
    return " ".join(word for word in text.split() if not _TAG.search(word))


def fisher(text: str) -> str:
    """Drop ``[NOISE] [LAUGHTER] [VOCALIZED-NOISE] <UNK> %HESITATION``, as they stand or in lower case.

    As in fisher_english (``local/wer_output_filter``); hkust and gale_mandarin drop the capitals only.
    """
    return " ".join(word for word in text.split() if word not in _FISHER)


def wsj(text: str) -> str:
    """Delete ``<NOISE> <SPOKEN_NOISE> <UNK> : *``, and correct the four misspellings of the WSJ references.

    As in wsj (``local/wer_output_filter``): ``-HOLDER``, ``COMPAIGN``, ``APPROACHES-``, ``RESEACHERS``.
    """
    for old, new in _WSJ:
        text = text.replace(old, new)
    return " ".join(text.split())


def chime(text: str) -> str:
    """Drop words that hold ``[…]``, lower-case, and write ``mhm``, ``mm``, ``mmm`` as ``hmm``.

    As in chime5, chime6, libri_css (``local/wer_output_filter``).
    """
    text = " ".join(word.lower() for word in text.split() if not _SQUARE_TAG.search(word))
    for word, target in _CHIME_WORDS:
        text = word.sub(target, text)
    return text


def gigaspeech(text: str) -> str:
    """Upper-case, part words at hyphens, drop fillers (UH, UM, …), punctuation tags and garbage tags.

    As in gigaspeech (``local/wer_output_filter.py``).
    """
    return " ".join(word for word in text.upper().replace("-", " ").split() if word not in _GIGASPEECH)
