"""The speech tasks by their standard names, and what else people call them."""

from __future__ import annotations

VOCABULARY = 1
"""Version of the speech vocabulary (`speech_tracker.schema`), recorded as ``speech.version``."""

TASKS: tuple[str, ...] = (
    "asr",  # speech recognition
    "tts",  # speech synthesis
    "vc",  # voice conversion
    "st",  # speech translation
    "mt",  # text translation
    "slu",  # spoken language understanding
    "diarization",
    "kws",  # keyword spotting
    "se",  # speech enhancement
    "separation",
    "sv",  # speaker verification
    "sid",  # speaker identification
    "lid",  # language identification
    "ser",  # emotion recognition
    "vad",  # voice activity detection
    "lm",  # language modelling
    "ssl",  # self-supervised pre-training
    "codec",
    "g2p",
    "alignment",
    "other",
)

TASK_ALIASES: dict[str, str] = {
    "speech-recognition": "asr",
    "automatic-speech-recognition": "asr",
    "stt": "asr",
    "speech-to-text": "asr",
    "text-to-speech": "tts",
    "speech-synthesis": "tts",
    "voice-conversion": "vc",
    "speech-translation": "st",
    "s2t": "st",
    "translation": "mt",
    "diar": "diarization",
    "speaker-diarization": "diarization",
    "keyword-spotting": "kws",
    "enh": "se",
    "enhancement": "se",
    "speech-enhancement": "se",
    "ss": "separation",
    "speech-separation": "separation",
    "spk": "sv",
    "asv": "sv",
    "speaker-verification": "sv",
    "speaker-identification": "sid",
    "speaker-recognition": "sid",
    "language-identification": "lid",
    "emotion-recognition": "ser",
    "language-model": "lm",
    "pretraining": "ssl",
    "hubert": "ssl",
}
