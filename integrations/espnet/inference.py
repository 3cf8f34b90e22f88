"""After an inference job: its settings and speed, and, once the last of a test set's jobs is done, every hypothesis."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import speech_tracker
from speech_tracker.guard import never_raises
from speech_tracker.integrations.espnet import facts
from speech_tracker.integrations.espnet.decoded import DecodedSet, keys_of
from speech_tracker.paths import id_file

_SETTINGS = (
    "beam_size", "ctc_weight", "lm_weight", "ngram_weight", "penalty", "maxlenratio", "minlenratio", "nbest", "batch_size",
    "streaming", "transducer_conf", "normalize_length", "lm_file", "ngram_file",
)  # fmt: skip
_TRANSCRIBES = re.compile(r"\.(asr|asr_transducer|s2t|slu|uasr)_inference(_\w+)?$")
"""Modules whose output is compared with what was said. References of translations depend on the recipe's letter case,
and sounds have none."""


@never_raises
def record(arguments: list[str], *, module: str, seconds: float | None = None) -> None:
    """Record what an inference job did, if its model's training was recorded.

    Args:
        arguments: the job's command line.
        module: the module that was run, for its parser.
        seconds: how long it worked on its utterances.
    """
    options = vars(importlib.import_module(module).get_parser().parse_args(arguments))
    path = _first_of(options, "train_config")
    if path is None or not id_file(Path(path).parent).exists():
        return
    config = _read(Path(path))
    run = speech_tracker.attach(Path(path).parent)
    try:
        keys = keys_of(options.get("key_file"))
        source = Path(options["data_path_and_name_and_type"][0][0])
        audio = _audio_seconds(source, set(keys), facts.sample_rate(config))
        speed = {"rtf": seconds / audio} if seconds and audio else {}
        run.log_event(
            "decoded", output=str(options["output_dir"]), utterances=len(keys), seconds=seconds, audio_seconds=audio, **speed
        )  # fmt: skip
        if _TRANSCRIBES.search(module):
            DecodedSet(Path(options["output_dir"]), source.parent, config).score(
                run,
                keys,
                decoding=_settings(options),
                checkpoint=_first_of(options, "model_file"),
            )
    finally:
        run.finish()


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: options[name] for name in _SETTINGS if options.get(name) is not None}
    for kind in ("lm", "ngram"):  # a weight of nothing
        if not options.get(f"{kind}_file"):
            given.pop(f"{kind}_weight", None)
    return given


def _first_of(options: Mapping[str, Any], kind: str) -> str | None:
    """The training's ``config.yaml`` or model, whose option is called after the task: ``asr_train_config``."""
    names = [name for name in options if re.fullmatch(rf"(?!lm_|word_lm_|ngram_)(\w+_)?{kind}", name)]
    return next((str(options[name]) for name in names if options[name]), None)


def _read(path: Path) -> dict[str, Any]:
    import yaml

    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


def _audio_seconds(source: Path, wanted: set[str], rate: int) -> float | None:
    """Seconds of audio that a job decoded, from ``utt2num_samples`` or the headers of the files; None when unknown."""
    samples = source.parent / "utt2num_samples"
    if samples.is_file():
        rows = (line.split() for line in samples.read_text(encoding="utf-8").splitlines())
        return sum(int(row[1]) for row in rows if row and row[0] in wanted) / rate
    try:
        import soundfile
    except ImportError:
        return None
    total = 0.0
    for line in source.read_text(encoding="utf-8").splitlines():
        key, _, place = line.partition(" ")
        if key in wanted:
            if not Path(place.strip()).is_file():  # a pipe of Kaldi's: its length is not known without running it
                return None
            total += soundfile.info(place.strip()).duration
    return total
