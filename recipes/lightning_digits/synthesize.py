"""Spoken digits from espeak-ng, so that the recipe runs where there are no recordings.

The engine and its voices come in the package ``espeakng-loader``. Six voices at several speeds and pitches stand for six
speakers; the files are named as those of the Free Spoken Digit Dataset, ``{digit}_{speaker}_{index}.wav``.
"""

from __future__ import annotations

import ctypes
import wave
from pathlib import Path

import numpy as np

RATE = 8000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VOICES = {
    "alan": "en-us",
    "betty": "en-us+f3",
    "colin": "en+m7",
    "diana": "en-gb-x-rp+f2",
    "eric": "en-gb-scotland+m3",
    "flora": "en-029+f4",
}
_RETRIEVAL, _RATE, _PITCH, _RANGE, _UTF8 = 1, 1, 3, 4, 1
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Voice:
    """espeak-ng, called as a library; one at a time in a process, as the library itself demands."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        home = str(Path(espeakng_loader.get_data_path()).parent).encode()
        self.rate = self._library.espeak_Initialize(_RETRIEVAL, 0, home, 0)
        if self.rate <= 0:
            raise RuntimeError(
                f"espeak-ng could not be started: espeak_Initialize returned {self.rate}, expected a rate"
            )
        self._pieces: list[np.ndarray] = []
        self._collector = _CALLBACK(self._collect)  # kept, or the library would call freed memory
        self._library.espeak_SetSynthCallback(self._collector)

    def _collect(self, samples: ctypes._Pointer, count: int, _events: int) -> int:
        if count > 0 and samples:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def say(self, text: str, voice: str, *, speed: int, pitch: int, intonation: int) -> np.ndarray:
        """Return `text` as samples between -1 and 1, at `self.rate`."""
        self._pieces.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE, speed), (_PITCH, pitch), (_RANGE, intonation)):
            self._library.espeak_SetParameter(parameter, value, 0)
        content = text.encode()
        self._library.espeak_Synth(content, len(content) + 1, 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate(self._pieces).astype(np.float32) / 32768


def resampled(samples: np.ndarray, old: int, new: int) -> np.ndarray:
    """Return samples at another rate, by cutting the spectrum: exact for a sound that begins and ends in silence."""
    size = round(len(samples) * new / old)
    spectrum = np.fft.rfft(samples)[: size // 2 + 1]
    return np.fft.irfft(spectrum, size).astype(np.float32) * (size / len(samples))


def trimmed(samples: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """Return samples without the silence around them, but for 20 ms."""
    loud = np.flatnonzero(np.abs(samples) > threshold)
    if not len(loud):
        return samples
    return samples[max(loud[0] - RATE // 50, 0) : loud[-1] + RATE // 50]


def synthesize(folder: Path, *, per_digit: int = 20) -> Path:
    """Fill `folder` with `per_digit` recordings of each digit and voice, unless that was done before; return it."""
    done = folder / f".complete-{per_digit}"
    if done.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    engine = Voice()
    random = np.random.default_rng(7)
    for speaker, voice in VOICES.items():
        for digit, word in enumerate(WORDS):
            for index in range(per_digit):
                samples = engine.say(
                    word,
                    voice,
                    speed=int(random.integers(120, 230)),
                    pitch=int(random.integers(25, 75)),
                    intonation=int(random.integers(20, 80)),
                )
                sound = trimmed(resampled(samples, engine.rate, RATE))
                level = 10 ** random.uniform(-0.4, 0.0) * 0.7 / max(float(np.abs(sound).max()), 1e-6)
                write_wav(folder / f"{digit}_{speaker}_{index}.wav", sound * level)
    done.touch()
    return folder


def write_wav(path: Path, samples: np.ndarray) -> None:
    """Write 16-bit samples at 8 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
