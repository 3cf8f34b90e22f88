"""The speech vocabulary: one typed, versioned description of an experiment, whatever toolkit it was made with.

Adapters lift it from their toolkit's configuration; it is recorded under ``speech.*`` beside the raw configuration, so
that one query compares a Kaldi chain model with an ESPnet Conformer. A field that is not known stays None and is left
out; what has no field goes into `extra`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from speech_tracker.tasks import VOCABULARY


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is trained."""

    type: str | None = None  # conformer, transformer, tdnn, crdnn, …
    encoder: str | None = None
    encoder_layers: int | None = None
    encoder_dim: int | None = None
    decoder: str | None = None
    decoder_layers: int | None = None
    attention_heads: int | None = None
    parameters: int | None = None
    trainable_parameters: int | None = None
    token_type: str | None = None  # char, bpe, phn, word
    vocabulary_size: int | None = None
    subsampling: int | None = None  # frames in per frame out
    pretrained: str | None = None


@dataclass(frozen=True, kw_only=True)
class Data:
    """What it is trained on; the versions of data sets are records of their own (`Run.log_dataset`)."""

    datasets: tuple[str, ...] | None = None
    train_hours: float | None = None
    train_utterances: int | None = None
    train_speakers: int | None = None
    valid_utterances: int | None = None
    test_sets: tuple[str, ...] | None = None
    version: str | None = None


@dataclass(frozen=True, kw_only=True)
class Features:
    """Acoustic features."""

    type: str | None = None  # fbank, mfcc, waveform, ssl
    sample_rate: int | None = None  # Hz
    n_mels: int | None = None
    n_fft: int | None = None
    window_ms: float | None = None
    hop_ms: float | None = None
    normalization: str | None = None


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Augmentation of the training data."""

    spec_augment: bool | None = None
    spec_augment_settings: dict[str, Any] | None = None
    speed_perturbation: tuple[float, ...] | None = None  # factors, for example (0.9, 1.0, 1.1)
    volume_perturbation: bool | None = None
    noise: bool | None = None
    rir: bool | None = None  # room impulse responses


@dataclass(frozen=True, kw_only=True)
class Training:
    """How it is trained."""

    optimizer: str | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    warmup_steps: int | None = None
    batch_size: int | None = None
    batch_seconds: float | None = None
    accumulation: int | None = None
    max_epochs: int | None = None
    max_steps: int | None = None
    seed: int | None = None
    precision: str | None = None
    gradient_clip: float | None = None
    ctc_weight: float | None = None
    devices: int | None = None


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How hypotheses are searched. `lm_weight` and penalties are the toolkit's own raw values."""

    method: str | None = None  # greedy, beam, ctc_prefix_beam, lattice, …
    beam_size: int | None = None  # hypotheses kept
    beam: float | None = None  # Kaldi's pruning width, in log-likelihood
    lattice_beam: float | None = None
    lm_weight: float | None = None
    acoustic_scale: float | None = None
    word_insertion_penalty: float | None = None
    length_penalty: float | None = None
    ctc_weight: float | None = None
    chunk_ms: float | None = None
    language_model: str | None = None
    averaged_from: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Speech:
    """The description of one experiment."""

    task: str | None = None
    languages: tuple[str, ...] | None = None  # BCP 47
    domains: tuple[str, ...] | None = None
    toolkit: str | None = None
    toolkit_version: str | None = None
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    features: Features = field(default_factory=Features)
    augmentation: Augmentation = field(default_factory=Augmentation)
    training: Training = field(default_factory=Training)
    decoding: Decoding = field(default_factory=Decoding)
    extra: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the known fields as nested dictionaries, ``version`` included, unknown ones left out."""
        return {"version": VOCABULARY, **_known(self)}


def _known(value: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for each in fields(value):
        content = getattr(value, each.name)
        if is_dataclass(content):
            content = _known(content)
        if content is None or content == {}:
            continue
        result[each.name] = list(content) if isinstance(content, tuple) else content
    return result
