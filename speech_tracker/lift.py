"""From a recipe's own configuration to the speech vocabulary, by the names that recipes commonly use.

For toolkits that prescribe no names of their own (Lightning, plain PyTorch). Only what cannot be mistaken is taken: a
``win_length`` is samples in one recipe and milliseconds in the next, so it stays in the raw configuration alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NAMES: dict[str, tuple[type, tuple[str, ...]]] = {
    "model.type": (str, ("model_type", "architecture", "arch", "model_name", "model")),
    "model.encoder": (str, ("encoder", "encoder_type")),
    "model.encoder_layers": (int, ("encoder_layers", "num_encoder_layers", "n_encoder_layers", "enc_layers")),
    "model.encoder_dim": (int, ("encoder_dim", "d_model")),
    "model.decoder": (str, ("decoder", "decoder_type")),
    "model.decoder_layers": (int, ("decoder_layers", "num_decoder_layers", "n_decoder_layers", "dec_layers")),
    "model.attention_heads": (int, ("attention_heads", "num_attention_heads", "num_heads", "n_heads", "nhead")),
    "model.token_type": (str, ("token_type", "unit", "units")),
    "model.vocabulary_size": (int, ("vocabulary_size", "vocab_size", "num_tokens", "n_tokens")),
    "model.subsampling": (int, ("subsampling", "subsampling_factor")),
    "model.pretrained": (str, ("pretrained", "pretrained_model", "pretrained_model_name_or_path", "init_from")),
    "data.train_hours": (float, ("train_hours",)),
    "features.type": (str, ("features", "feature_type", "feature")),
    "features.sample_rate": (int, ("sample_rate", "sampling_rate", "samplerate", "sr")),
    "features.n_mels": (int, ("n_mels", "num_mel_bins", "num_mels", "n_mel_channels", "mel_bins")),
    "features.n_fft": (int, ("n_fft",)),
    "features.window_ms": (float, ("window_ms", "frame_length_ms", "window_size_ms")),
    "features.hop_ms": (float, ("hop_ms", "frame_shift_ms", "hop_size_ms")),
    "augmentation.spec_augment": (bool, ("spec_augment", "specaugment", "use_specaug", "specaug")),
    "augmentation.noise": (bool, ("noise_augment", "add_noise", "noise_augmentation")),
    "augmentation.speed_perturbation": (list, ("speed_perturbation", "speed_perturb", "speeds")),
    "training.optimizer": (str, ("optimizer", "optimizer_name", "optim")),
    "training.learning_rate": (float, ("learning_rate", "lr", "max_lr", "peak_lr")),
    "training.schedule": (str, ("schedule", "scheduler", "lr_scheduler", "lr_schedule")),
    "training.warmup_steps": (int, ("warmup_steps", "num_warmup_steps")),
    "training.batch_size": (int, ("batch_size", "train_batch_size")),
    "training.batch_seconds": (float, ("batch_seconds", "max_duration", "batch_duration")),
    "training.seed": (int, ("seed",)),
    "training.ctc_weight": (float, ("ctc_weight",)),
    "decoding.method": (str, ("decoding", "decoding_method", "search")),
    "decoding.beam_size": (int, ("beam_size", "num_beams", "beam_width")),
    "decoding.lm_weight": (float, ("lm_weight",)),
    "decoding.length_penalty": (float, ("length_penalty",)),
    "decoding.word_insertion_penalty": (float, ("word_insertion_penalty",)),
}
"""Field of the vocabulary → its type, and the names that recipes give it, the first that is there counting."""

_DEEPEST = 4


def lift(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what `config` says in the speech vocabulary, as groups for `Run.log_speech`.

    Names count at every level of nesting, the outermost first; a value of the wrong type is left out.

    >>> lift({"lr": 0.001, "frontend": {"num_mel_bins": 80}, "optim": {"betas": [0.9, 0.98]}})
    {'features': {'n_mels': 80}, 'training': {'learning_rate': 0.001}}
    """
    levels = list(_levels(config, 0))
    found: dict[str, dict[str, Any]] = {}
    for field, (kind, names) in NAMES.items():
        group, _, key = field.partition(".")
        value = next(
            (good for name in names for level in levels if (good := _as(kind, level.get(name))) is not None), None
        )
        if value is not None:
            found.setdefault(group, {})[key] = value
    return found


def _levels(config: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    yield config
    if depth < _DEEPEST:
        for value in config.values():
            if isinstance(value, Mapping):
                yield from _levels(value, depth + 1)


def _as(kind: type, value: Any) -> Any:
    if kind is bool:
        return True if isinstance(value, Mapping) and value else value if isinstance(value, bool) else None
    if isinstance(value, bool):
        return None
    if kind is float and isinstance(value, (int, float)):
        return float(value)
    if kind is list:
        numbers = list(value) if isinstance(value, (list, tuple)) else []
        return numbers if numbers and all(isinstance(each, (int, float)) for each in numbers) else None
    return value if isinstance(value, kind) and value != "" else None
