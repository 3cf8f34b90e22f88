"""What each file of an ESPnet2 recipe is, by its name and the folders that it stands in.

Model folders lie below ``exp/`` and are known by their first word: ``exp/asr_train_conformer_raw_en_bpe5000_sp``. Below
one lies ``<inference tag>/<test set>/``, and there ``logdir/`` and ``score_wer/``. Nothing is opened here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from speech_tracker.integrations.espnet.tags import metric_of

Kind = Literal["train", "config", "inference", "speed", "result", "translation", "measure", "perplexity", "results", "score-text", "text",
               "model", "figure"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class EspnetRole:
    """What a file is.

    Attributes:
        kind: ``train`` (log of a training), ``config``, ``inference`` (log of a job), ``speed``, ``result`` (of sclite),
            ``translation``, ``measure`` (of enhancement), ``perplexity``, ``results`` (tables of people); read when they are
            needed: ``score-text`` (`ref.trn`, `hyp.trn`), ``text`` (hypotheses), ``model``, ``figure``.
        number: of a log that was rotated (`train.2.log`; higher is older) or of a job; 0 where it has none.
    """

    kind: Kind
    number: int = 0

    @property
    def name(self) -> str:
        """What the file is read as."""
        return self.kind

    @property
    def parser(self) -> str:
        """Key into the parsers."""
        return self.kind


_TRAIN = re.compile(r"^(?:train|run)(?:\.(\d{1,9}))?\.log$")
_INFERENCE = re.compile(
    r"^(?:asr|st|mt|slu|s2t|tts|tts2|svs|enh|diar|spk|uasr|lm|cls|asr_transducer|s2st)_inference(?:\.(\d{1,9}))?\.log$"
)
_RESULTS = re.compile(r"^(RESULTS?(\.(md|txt|TXT))?|README\.md)$")
_MEASURE = re.compile(r"^result_([a-z]\w*)\.txt$")
_TRANSLATION = re.compile(r"^result\.(lc|tc)\.txt$")


def role_of(name: str, folders: tuple[str, ...]) -> EspnetRole | None:
    """Return what a file is, None when it is of no use.

    Args:
        name: of the file.
        folders: names of the folders that it stands in, the outermost first.
    """
    here = folders[-1] if folders else ""
    if name == "result.txt" and metric_of(here) is not None:
        return EspnetRole("result")
    if _TRANSLATION.match(name) and here.startswith("score_"):
        return EspnetRole("translation")
    if here == "scoring" and measure_of(name) is not None:
        return EspnetRole("measure")
    if name in ("ref.trn", "hyp.trn") and metric_of(here) is not None:
        return EspnetRole("score-text")
    inference = _INFERENCE.match(name)
    if inference is not None:
        return EspnetRole("inference", int(inference[1] or 0))
    if name == "calculate_rtf.log":
        return EspnetRole("speed")
    if name == "ppl":
        return EspnetRole("perplexity")
    if _RESULTS.match(name):
        return EspnetRole("results")
    if name == "config.yaml":
        return EspnetRole("config")
    train = _TRAIN.match(name)
    if train is not None:
        return EspnetRole("train", int(train[1] or 0))
    if name.endswith(".pth"):
        return EspnetRole("model")
    if name.endswith(".png") and ("att_ws" in folders[-3:] or here == "images"):
        return EspnetRole("figure")
    if name == "text":
        return EspnetRole("text")
    return None


def measure_of(name: str) -> str | None:
    """Return what a file such as `result_si_snr.txt` holds, None when it is none."""
    match = _MEASURE.match(name)
    return None if match is None else match[1]
