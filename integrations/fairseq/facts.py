"""What a Fairseq configuration says about the experiment: values in, values out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech_tracker.precision import precision_name
from speech_tracker.schema import Augmentation, Data, Features, Model, Speech, Training

_TASKS = {"speech_to_text": "st", "audio_finetuning": "asr", "audio_pretraining": "ssl", "hubert_pretraining": "ssl",
          "text_to_speech": "tts", "translation": "mt", "language_modeling": "lm"}  # fmt: skip


_HALVES = ("fp16", "bf16")
_SAYS_TASK = (("task", "config_yaml"), ("dataset", "train_subset"), ("dataset", "gen_subset"))
_LABELS = {"ltr": "char", "phn": "phn", "wrd": "word", "bpe": "bpe"}
_MASKS = ("mask_prob", "mask_length", "mask_channel_prob", "mask_channel_length")
_ASR = re.compile(r"(?:^|[_\-./])asr(?:[_\-.,]|$)")


def setting(config: Mapping[str, Any], group: str, name: str) -> Any:
    """Return a setting from a new configuration (groups) or an old one (one flat ``args``); None where it is not."""
    inner = config.get(group)
    if isinstance(inner, Mapping) and inner.get(name) is not None:
        return inner[name]
    flat = config.get("args")
    # all old components share one flat `args`, in which `_name` is the last one's: each has its name under its own word
    return flat.get(name) if isinstance(flat, Mapping) and name != "_name" else None


def task_name(config: Mapping[str, Any]) -> str:
    """Return our name of the task.

    Fairseq's ``speech_to_text`` is recognition as well as translation: the recipes' names of files and subsets
    (``config_asr.yaml``, ``train-clean-100_asr``) and a validation by WER tell which. Pre-training tasks are recognition
    once they are fine-tuned with labels.
    """
    name = str(setting(config, "task", "_name") or setting(config, "task", "task") or "")
    if name == "speech_to_text":
        named = (setting(config, *where) for where in _SAYS_TASK)
        says = any(_ASR.search(each) for each in named if isinstance(each, str))
        scores = "wer" in (setting(config, "scoring", "_name"), setting(config, "scoring", "scoring"))
        return "asr" if says or scores or setting(config, "task", "eval_wer") else "st"
    if name == "hubert_pretraining" and setting(config, "task", "fine_tuning"):
        return "asr"
    if name == "audio_pretraining" and setting(config, "task", "labels"):
        return "asr"
    return _TASKS.get(name, "other")


def criterion_name(config: Mapping[str, Any]) -> str:
    """Return Fairseq's name of what is minimised; `""` where the configuration does not say."""
    return str(setting(config, "criterion", "_name") or setting(config, "criterion", "criterion") or "")


def speech(
    config: Mapping[str, Any],
    *,
    toolkit_version: str | None,
    parameters: int | None = None,
    trainable: int | None = None,
) -> Speech:
    """Return the description in the speech vocabulary.

    Args:
        config: as Fairseq hands it to its own loggers, or as `config_text.parse_config` reads it.
        toolkit_version: of Fairseq.
        parameters, trainable: of the model, all and those that are trained.
    """
    criterion = criterion_name(config)
    train = setting(config, "dataset", "train_subset")
    rate, waveform = setting(config, "task", "sample_rate"), _is_waveform(config)
    samples = setting(config, "dataset", "max_tokens")
    masked = {name: setting(config, "model", name) for name in _MASKS}
    tuned = waveform and bool(setting(config, "model", "apply_mask"))
    return Speech(
        task=task_name(config),
        toolkit="fairseq",
        toolkit_version=toolkit_version,
        model=Model(
            type=setting(config, "model", "_name") or setting(config, "model", "arch"),
            encoder_layers=setting(config, "model", "encoder_layers"),
            encoder_dim=setting(config, "model", "encoder_embed_dim"),
            decoder="ctc" if criterion == "ctc" else None,
            decoder_layers=setting(config, "model", "decoder_layers"),
            attention_heads=setting(config, "model", "encoder_attention_heads"),
            parameters=parameters,
            trainable_parameters=trainable,
            token_type=_token_type(config),
            pretrained=setting(config, "model", "w2v_path"),
        ),
        data=Data(datasets=tuple(train.split(",")) if isinstance(train, str) else None),
        features=Features(type="waveform" if waveform else None, sample_rate=rate),
        augmentation=Augmentation(
            spec_augment=tuned or None,
            spec_augment_settings={name: value for name, value in masked.items() if value is not None}
            if tuned
            else None,
        ),
        training=Training(
            optimizer=setting(config, "optimizer", "_name") or setting(config, "optimizer", "optimizer"),
            learning_rate=_first(setting(config, "optimization", "lr")),
            schedule=setting(config, "lr_scheduler", "_name") or setting(config, "lr_scheduler", "lr_scheduler"),
            warmup_steps=setting(config, "lr_scheduler", "warmup_updates")
            or setting(config, "lr_scheduler", "warmup_steps"),
            batch_size=setting(config, "dataset", "batch_size"),
            # in these tasks the tokens of a batch are samples of audio
            batch_seconds=samples / rate if waveform and samples and rate else None,
            accumulation=_first(setting(config, "optimization", "update_freq")),
            max_epochs=setting(config, "optimization", "max_epoch") or None,
            max_steps=setting(config, "optimization", "max_update") or None,
            seed=setting(config, "common", "seed"),
            precision=precision_name(next(filter(lambda name: setting(config, "common", name), _HALVES), "float32")),
            gradient_clip=setting(config, "optimization", "clip_norm") or None,
            ctc_weight=1.0 if criterion == "ctc" else setting(config, "criterion", "ctc_weight") or None,
            devices=setting(config, "distributed_training", "distributed_world_size"),
        ),
    )


def _first(value: Any) -> Any:
    return (value or [None])[0] if isinstance(value, list) else value  # settings by epoch are lists


def _is_waveform(config: Mapping[str, Any]) -> bool:
    name = str(setting(config, "task", "_name") or setting(config, "task", "task") or "")
    return name.startswith(("audio_", "hubert_"))


def _token_type(config: Mapping[str, Any]) -> str | None:
    """What the model puts out, by the ending of the label files."""
    labels = setting(config, "task", "labels")
    return _LABELS.get(str(_first(labels))) if labels else None


def manifests(config: Mapping[str, Any]) -> list[tuple[str, str, Path]]:
    """Return (split, name, manifest) of the subsets whose ``.tsv`` is there."""
    folder = Path(str(setting(config, "task", "data") or "."))
    train = str(setting(config, "dataset", "train_subset") or "").split(",")
    named = [("train", name) for name in train if name] + [("valid", name) for name in subsets(config)]
    return [(split, name, folder / f"{name}.tsv") for split, name in named if (folder / f"{name}.tsv").is_file()]


def subsets(config: Mapping[str, Any]) -> list[str]:
    """Return the names of the validation subsets."""
    return [name for name in str(setting(config, "dataset", "valid_subset") or "valid").split(",") if name]
