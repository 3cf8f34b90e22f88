"""Facts about an experiment: its configuration, its kind, its description in the speech vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from speech_tracker.ingest.typed import number_of, text_of, truth_of
from speech_tracker.integrations.icefall.train_logs import CutsNamed, ParameterCount, TrainBatch
from speech_tracker.integrations.icefall.trainings import Training
from speech_tracker.precision import precision_name
from speech_tracker.schema import Augmentation, Data, Decoding, Features, Model, Speech
from speech_tracker.schema import Training as TrainingFacts

_STATE = frozenset({"best_train_loss", "best_valid_loss", "best_train_epoch", "best_valid_epoch", "batch_idx_train"})
"""Parameters that are the state of a training, not its configuration."""


def kind_of(training: Training | None, params: Mapping[str, Any]) -> str:
    """Return the kind of model, by the losses that it is trained with."""
    names = {
        name
        for start in (training.starts if training is not None else ())
        for record in start.records
        if isinstance(record, TrainBatch)
        for name, _ in record.losses
    }
    if not names:
        return "decode" if training is None else "icefall"
    if any("discriminator" in name or "generator" in name or "mel_loss" in name for name in names):
        return "tts"
    if {"ppl", "perplexity"} & names:
        return "lm"
    if any(name.startswith(("loss_m_", "loss_u_")) for name in names):
        return "hubert"
    parts = [
        ("transducer", any("pruned_loss" in name or "simple_loss" in name or "transducer" in name for name in names)),
        ("ctc", any("ctc" in name for name in names)),
        ("attention", any("att" in name for name in names)),
        ("mmi", any("mmi" in name for name in names)),
    ]
    found = "-".join(name for name, present in parts if present)
    if found:
        return found
    if params.get("use_transducer") or "joiner_dim" in params:
        return "transducer"
    return "icefall"


def task_of(kind: str) -> str:
    """Return the task of a kind of model."""
    return {"tts": "tts", "lm": "lm"}.get(kind, "asr")


def config_of(kind: str, params: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of the configuration, under the name of the toolkit."""
    plain = {name: value for name, value in params.items() if name not in _STATE}
    return {"icefall": {"kind": kind, **({"params": plain} if plain else {}), **more}}


def parameters_of(records: Iterable[Any]) -> int | None:
    """Return the size of the model, as printed last."""
    found = None
    for record in records:
        if isinstance(record, ParameterCount):
            found = record.count
    return found


def cuts_of(records: Iterable[Any]) -> tuple[str, ...]:
    """Return the parts of the corpus that a training read, in the order in which it named them."""
    return tuple(dict.fromkeys(each.name for each in records if isinstance(each, CutsNamed)))


def speech_of(
    kind: str,
    folder: str,
    params: Mapping[str, Any],
    decoding: Mapping[str, Any],
    parameters: int | None,
    cuts: Iterable[str],
    test_sets: Iterable[str],
) -> Speech:
    """Return the description of an experiment in the common vocabulary; what is not known stays out."""
    layers = _sum(params.get("num_encoder_layers"))
    environment = params.get("env_info")
    environment = environment if isinstance(environment, Mapping) else {}
    env = {
        name: environment.get(name) for name in ("icefall-git-sha1", "k2-version", "lhotse-version", "torch-version")
    }
    train_sets = tuple(name for name in cuts if not name.startswith(("dev", "test", "valid")))
    return Speech(
        task=task_of(kind),
        toolkit="icefall",
        toolkit_version=env["icefall-git-sha1"],
        model=Model(
            type=kind if kind not in ("icefall", "decode") else None,
            encoder=_encoder(folder, params),
            encoder_layers=layers,
            encoder_dim=_largest(params.get("encoder_dim") or params.get("encoder_dims")),
            decoder="stateless" if params.get("context_size") else None,
            attention_heads=_largest(params.get("num_heads") or params.get("nhead")),
            parameters=parameters,
            token_type=_token_type(params),
            vocabulary_size=_whole(params.get("vocab_size")),
            subsampling=_whole(params.get("subsampling_factor")),
            pretrained=text_of(params.get("finetune_ckpt") or params.get("pretrained_checkpoint_path")),
        ),
        data=Data(datasets=train_sets or None, test_sets=tuple(dict.fromkeys(test_sets)) or None),
        features=Features(
            type="fbank" if params.get("feature_dim") else None,
            n_mels=_whole(params.get("feature_dim")),
            hop_ms=number_of(params.get("frame_shift_ms")),
        ),
        augmentation=Augmentation(
            spec_augment=truth_of(params.get("enable_spec_aug")),
            noise=truth_of(params.get("enable_musan")),
            speed_perturbation=(0.9, 1.0, 1.1) if params.get("perturb_speed") is True else None,
        ),
        training=TrainingFacts(
            optimizer="ScaledAdam" if "base_lr" in params or "initial_lr" in params else None,
            learning_rate=number_of(params.get("base_lr") or params.get("initial_lr") or params.get("lr")),
            schedule="Eden" if "lr_epochs" in params else None,
            warmup_steps=_whole(params.get("warm_step")),
            batch_seconds=number_of(params.get("max_duration")),
            accumulation=_whole(params.get("accum_grad")),
            max_epochs=_whole(params.get("num_epochs")),
            seed=_whole(params.get("seed")),
            precision=_precision(params),
            ctc_weight=number_of(params.get("ctc_loss_scale")) if params.get("use_ctc") is not False else None,
            devices=_whole(params.get("world_size")),
        ),
        decoding=Decoding(
            method=text_of(decoding.get("method")),
            beam_size=_whole(decoding.get("beam_size")),
            beam=number_of(decoding.get("beam")),
            lm_weight=number_of(decoding.get("lm_weight")),
            averaged_from=tuple(decoding["averaged_from"]) if decoding.get("averaged_from") else None,
        ),
        extra={name: value for name, value in env.items() if value is not None and name != "icefall-git-sha1"},
    )


def _encoder(folder: str, params: Mapping[str, Any]) -> str | None:
    text = " ".join(str(each) for each in (folder, params.get("exp_dir", ""))).lower()
    for name in ("zipformer", "conformer", "emformer", "whisper", "hubert", "lstm", "tdnn", "transformer"):
        if name in text:
            return name
    if "zipformer_downsampling_factors" in params or "downsampling_factor" in params:
        return "zipformer"
    return None


def _token_type(params: Mapping[str, Any]) -> str | None:
    place = f"{params.get('bpe_model', '')} {params.get('lang_dir', '')}"
    for marker, name in (("lang_char", "char"), ("lang_phone", "phn"), ("bbpe", "bpe"), ("bpe", "bpe")):
        if marker in str(params.get("lang_dir", "")):
            return name
    return "bpe" if "bpe" in place else None


def _precision(params: Mapping[str, Any]) -> str | None:
    if params.get("use_bf16") is True:
        return precision_name("bf16")
    if isinstance(params.get("use_fp16"), bool):
        return precision_name("fp16" if params["use_fp16"] else "fp32")
    return None


def _numbers(value: Any) -> list[int]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int):
        return [value]
    if isinstance(value, str):
        parts = value.split(",")
        return [int(part) for part in parts] if all(part.strip().isdecimal() for part in parts) else []
    return [each for each in value if isinstance(each, int)] if isinstance(value, (list, tuple)) else []


def _sum(value: Any) -> int | None:
    return sum(_numbers(value)) or None


def _largest(value: Any) -> int | None:
    return max(_numbers(value), default=None)


def _whole(value: Any) -> int | None:
    return (
        int(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and float(value).is_integer()
        else None
    )
