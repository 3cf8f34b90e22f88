"""Pictures and sounds as files of a run: what can be written, and how."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import warnings
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

from speech_tracker.errors import InvalidArgumentError, InvalidTypeError, explain

Write = Callable[[Path], None]

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def file_for(run_folder: Path, kind: str, name: str, step: int | float | None, suffix: str) -> Path:
    """Return a path for a new file in ``files/`` of the run's folder, which is made; no two calls give the same."""
    folder = run_folder / "files"
    folder.mkdir(parents=True, exist_ok=True)
    safe = _UNSAFE.sub("_", name).strip("._")[:80] or kind
    place = "" if step is None else f"-step{step}"
    return folder / f"{kind}-{safe}{place}-{secrets.token_hex(3)}{suffix}"


def picture_writer(figure: Any) -> tuple[str, Write]:
    """Return the file's suffix and the function that writes `figure`.

    Raises:
        InvalidTypeError: it is neither a matplotlib figure, nor a PIL image, nor the path of a file.
        InvalidArgumentError: there is no file at the path.
    """
    if isinstance(figure, (str, os.PathLike)):
        source = _existing(figure, "an image file")
        return source.suffix or ".png", lambda path: _copy(source, path)
    if hasattr(figure, "savefig"):
        return ".png", lambda path: _save(figure, path)
    if hasattr(figure, "save") and hasattr(figure, "mode"):
        return ".png", lambda path: figure.save(path, format="PNG")
    raise InvalidTypeError(
        explain(
            "not a picture",
            got=figure,
            expected="a matplotlib figure, a PIL image or a path",
            remedy="correct `figure`",
        )
    )


def _save(figure: Any, path: Path) -> None:
    with warnings.catch_warnings():
        # a token in a script that no installed font has is drawn as a box, which is no reason to speak up in a training
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, format="png", dpi=150, bbox_inches="tight")


def audio_writer(audio: Any, sample_rate: int | None) -> tuple[str, Write | None, dict[str, Any]]:
    """Return suffix, writer (None for a file that is referred to), and what is known of the sound.

    Raises:
        InvalidTypeError: samples of a shape that is no sound.
        InvalidArgumentError: the sample rate is missing, or the file does not exist.
    """
    if isinstance(audio, (str, os.PathLike)):
        source = _existing(audio, "an audio file")
        return "", None, {"path": str(source.absolute()), **({"sample_rate": sample_rate} if sample_rate else {})}
    import numpy as np

    if sample_rate is None or sample_rate <= 0:
        raise InvalidArgumentError(
            explain(
                "samples need their rate",
                got=sample_rate,
                expected="Hz, for example 16000",
                remedy="give `sample_rate=`",
            )
        )
    detached = audio.detach().cpu() if hasattr(audio, "detach") else audio
    samples = channels_last(np.asarray(detached))
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "fiu" or samples.size == 0:
        raise InvalidTypeError(
            explain("not a sound", got=f"array of shape {samples.shape}, {samples.dtype}",
                    expected="numbers, one-dimensional, (samples, channels) or (channels, samples)", remedy="correct `audio`")
        )  # fmt: skip
    if samples.dtype.kind == "f":
        clean = np.nan_to_num(samples.astype(np.float64))
        pcm = np.round(np.clip(clean, -1.0, 1.0) * 32767).astype("<i2")
    else:
        pcm = np.clip(samples, -32768, 32767).astype("<i2")
    channels = 1 if pcm.ndim == 1 else pcm.shape[1]

    def write(path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(sample_rate)
            file.writeframes(pcm.tobytes())

    return ".wav", write, {"sample_rate": sample_rate, "duration_s": len(pcm) / sample_rate}


def channels_last(samples: Any) -> Any:
    """Return an array as (samples, channels): torchaudio has the channels first, and no sound has more of them than samples."""
    return samples.T if samples.ndim == 2 and samples.shape[0] < samples.shape[1] else samples


def _existing(path: str | os.PathLike[str], expected: str) -> Path:
    source = Path(path)
    if not source.is_file():
        raise InvalidArgumentError(explain("no such file", got=str(path), expected=expected, remedy="correct the path"))
    return source


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)
