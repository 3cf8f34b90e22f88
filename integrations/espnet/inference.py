"""After an inference job: its settings and speed, and, once the last of a test set's jobs is done, every hypothesis.

The recipes split a test set over parallel jobs (``logdir/output.1``, …), each a process of its own; whichever finds all
of them done scores the set, once.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import re
import time
from pathlib import Path
from typing import Any

import speech_tracker
from speech_tracker.evaluation.score import score
from speech_tracker.formats.kaldi_text import parse_kaldi_text, parse_utt2spk
from speech_tracker.guard import never_raises
from speech_tracker.paths import id_file, write_atomically

_SETTINGS = (
    "beam_size", "ctc_weight", "lm_weight", "ngram_weight", "penalty", "maxlenratio", "minlenratio", "nbest", "batch_size",
    "streaming", "transducer_conf", "normalize_length",
)  # fmt: skip
_OUTPUT = re.compile(r"^output\.(\d+)$")


class Stopwatch:
    """Adds up the seconds that an inference module spends on its utterances, without loading models and data.

    Args:
        module: the module; its ``Speech2Text`` or ``Text2Speech`` is timed, call by call.
    """

    def __init__(self, module: Any) -> None:
        self.calls = 0
        self._seconds = 0.0
        for name in ("Speech2Text", "Speech2TextStreaming", "Text2Speech", "SeparateSpeech"):
            if hasattr(module, name):
                self._time(getattr(module, name))

    @property
    def seconds(self) -> float | None:
        """Seconds so far, None when nothing was timed."""
        return self._seconds if self.calls else None

    def _time(self, owner: Any) -> None:
        original = owner.__call__

        @functools.wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                self.calls += 1
                self._seconds += time.perf_counter() - began

        owner.__call__ = timed


@never_raises
def record(arguments: list[str], *, module: str = "espnet2.bin.asr_inference", seconds: float | None = None) -> None:
    """Record what an inference job did, if its model's training was recorded.

    Args:
        arguments: the job's command line.
        module: the module that was run, for its parser.
        seconds: how long it worked on its utterances.
    """
    options = vars(importlib.import_module(module).get_parser().parse_args(arguments))
    config = next(
        (options[name] for name in ("asr_train_config", "st_train_config", "train_config") if options.get(name)), None
    )
    if config is None or not id_file(Path(config).parent).exists():
        return
    output = Path(options["output_dir"])
    run = speech_tracker.attach(Path(config).parent)
    try:
        decoding = {name: options[name] for name in _SETTINGS if options.get(name) is not None}
        keys = _keys(options.get("key_file"))
        audio = _audio_seconds(options, keys)
        speed = {"rtf": seconds / audio} if seconds and audio else {}
        model = next(
            (options[name] for name in ("asr_model_file", "st_model_file", "model_file") if options.get(name)), None
        )
        run.log_event(
            "decoded", output=str(output), utterances=len(keys), seconds=seconds, audio_seconds=audio, **speed
        )
        _score_when_complete(run, options, output, decoding, model, speed)
    finally:
        run.finish()


def _score_when_complete(
    run: speech_tracker.Run,
    options: dict[str, Any],
    output: Path,
    decoding: dict[str, Any],
    model: str | None,
    speed: dict[str, Any],
) -> None:
    parts = (
        [path for path in output.parent.iterdir() if _OUTPUT.match(path.name)]
        if _OUTPUT.match(output.name)
        else [output]
    )
    expected = {key for path in output.parent.glob("keys.*.scp") for key in _keys(path)} or set(
        _keys(options.get("key_file"))
    )
    hypotheses: dict[str, str] = {}
    for part in parts:
        text = part / "1best_recog" / "text"
        if text.is_file():
            hypotheses.update(_texts(text))
    if not expected or not expected <= set(hypotheses):
        return
    folder = Path(options["data_path_and_name_and_type"][0][0]).parent
    if not (folder / "text").is_file():
        return
    decoded = output.parent.parent if output.parent.name == "logdir" else output.parent
    if not _first(decoded, hypotheses):
        return
    references = {key: text for key, text in _texts(folder / "text").items() if key in expected}
    spoken = folder / "utt2spk"
    rows = parse_utt2spk(spoken.read_text(encoding="utf-8")).records if spoken.is_file() else ()
    speakers = {row.utterance_id: row.value for row in rows}
    evaluation = score(
        references, hypotheses, missing="deletions", attributes={"speaker_id": speakers} if speakers else None
    )
    run.log_dataset(decoded.name, split=f"test/{decoded.name}", path=str(folder), utterances=len(references),
                    speakers=len(set(speakers.values())) or None)  # fmt: skip
    run.log_evaluation(
        evaluation, test_set=decoded.name, decoding=decoding, checkpoint=model, inference=decoded.parent.name, **speed
    )


def _first(decoded: Path, hypotheses: dict[str, str]) -> bool:
    """Whether these hypotheses were not scored before: two jobs may end together, and a set may be decoded again."""
    digest = hashlib.sha256(repr(sorted(hypotheses.items())).encode()).hexdigest()[:16]
    folder = decoded / ".speech_tracker"
    folder.mkdir(exist_ok=True)
    try:
        os.close(os.open(folder / f"scored-{digest}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    write_atomically(folder / "scored", digest.encode())
    return True


def _texts(path: Path) -> dict[str, str]:
    return {each.utterance_id: each.text for each in parse_kaldi_text(path.read_text(encoding="utf-8")).records}


def _keys(path: Any) -> list[str]:
    if not path or not Path(path).is_file():
        return []
    return [line.split(maxsplit=1)[0] for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]


def _audio_seconds(options: dict[str, Any], keys: list[str]) -> float | None:
    """Seconds of audio that a job decoded, from ``utt2num_samples`` or the headers of the files; None when unknown."""
    path = Path(options["data_path_and_name_and_type"][0][0])
    wanted = set(keys)
    samples = path.parent / "utt2num_samples"
    if samples.is_file():
        rows = (line.split() for line in samples.read_text(encoding="utf-8").splitlines())
        return sum(int(row[1]) for row in rows if row and row[0] in wanted) / 16000
    try:
        import soundfile
    except ImportError:
        return None
    total = 0.0
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, place = line.partition(" ")
        if key in wanted:
            if not Path(place.strip()).is_file():  # a pipe of Kaldi's: its length is not known without running it
                return None
            total += soundfile.info(place.strip()).duration
    return total
