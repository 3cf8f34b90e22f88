"""What an ESPnet configuration says about the experiment: values in, values out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech_tracker.integrations.espnet.data_folders import data_folders, lines_in
from speech_tracker.precision import precision_name
from speech_tracker.schema import Augmentation, Data, Features, Model, Speech, Training

TASKS = {
    "ASRTask": "asr", "ASRTransducerTask": "asr", "S2TTask": "asr", "UASRTask": "asr", "TTSTask": "tts", "GANTTSTask": "tts",
    "STTask": "st", "S2STTask": "st", "MTTask": "mt", "SLUTask": "slu", "EnhancementTask": "se", "TargetSpeakerExtractionTask": "se",
    "EnhS2TTask": "asr", "LMTask": "lm", "DiarizationTask": "diarization", "SpeakerTask": "sv", "HubertTask": "ssl", "SSLTask": "ssl",
    "GANCodecTask": "codec", "LIDTask": "lid", "ASVSpoofTask": "sv", "CLSTask": "other",
}  # fmt: skip
"""Name of an ESPnet task class → our task; any other is ``other``."""

_SPEEDS = re.compile(r"(?:^|_)sp(?:_|$)")


def speech(config: Mapping[str, Any], *, task: str, model: Any = None) -> Speech:
    """Return the description in the speech vocabulary.

    Args:
        config: ESPnet's arguments by name (``vars(args)``, or its ``config.yaml``).
        task: our name of the task.
        model: the model, for the number of its parameters.
    """
    frontend = _conf(config, "frontend_conf")
    rate = sample_rate(config)
    encoder, decoder = _conf(config, "encoder_conf"), _conf(config, "decoder_conf")
    tokens = config.get("token_list")
    parameters = list(model.parameters()) if model is not None else []
    datasets = list(data_folders(config, "train"))
    perturbed = any(_SPEEDS.search(folder.name) for folder in datasets)
    hop = frontend.get("hop_length")
    window = frontend.get("win_length") or frontend.get("n_fft")
    return Speech(
        task=task,
        toolkit="espnet",
        toolkit_version=str(config["version"]) if config.get("version") else None,
        model=Model(
            type=_text(config.get("encoder"))
            or _text(config.get("tts"))
            or _text(config.get("lm"))
            or _text(config.get("model")),
            encoder=_text(config.get("encoder")),
            encoder_layers=encoder.get("num_blocks") or encoder.get("num_layers"),
            encoder_dim=encoder.get("output_size") or encoder.get("hidden_size"),
            decoder=_text(config.get("decoder")),
            decoder_layers=decoder.get("num_blocks") or decoder.get("num_layers"),
            attention_heads=encoder.get("attention_heads"),
            parameters=sum(each.numel() for each in parameters) or None,
            trainable_parameters=sum(each.numel() for each in parameters if each.requires_grad) or None,
            token_type=_text(config.get("token_type")),
            vocabulary_size=len(tokens)
            if isinstance(tokens, list)
            else lines_in(Path(tokens))
            if isinstance(tokens, str)
            else None,
        ),
        data=Data(datasets=tuple(folder.name for folder in datasets) or None),
        features=Features(
            type="fbank" if config.get("frontend") == "default" else _text(config.get("frontend")),
            sample_rate=rate,
            n_mels=frontend.get("n_mels", 80 if config.get("frontend") == "default" else None),
            n_fft=frontend.get("n_fft"),
            window_ms=1000 * window / rate if window and rate else None,
            hop_ms=1000 * hop / rate if hop and rate else None,
            normalization=_text(config.get("normalize")),
        ),
        augmentation=Augmentation(
            spec_augment=bool(config["specaug"]) if "specaug" in config else None,
            spec_augment_settings=_conf(config, "specaug_conf") or None,
            # asr.sh perturbs with these factors, and says so only in the name of the data folder
            speed_perturbation=(0.9, 1.0, 1.1) if perturbed else None,
            noise=bool(config["noise_scp"]) if "noise_scp" in config else None,
            rir=bool(config["rir_scp"]) if "rir_scp" in config else None,
        ),
        training=Training(
            optimizer=_text(config.get("optim")),
            learning_rate=_conf(config, "optim_conf").get("lr"),
            schedule=_text(config.get("scheduler")),
            warmup_steps=_conf(config, "scheduler_conf").get("warmup_steps"),
            batch_size=config.get("batch_size")
            if config.get("batch_type") in ("unsorted", "sorted", "folded")
            else None,
            accumulation=config.get("accum_grad"),
            max_epochs=config.get("max_epoch"),
            seed=config.get("seed"),
            precision=precision_name("amp" if config.get("use_amp") else _text(config.get("train_dtype"))),
            gradient_clip=config.get("grad_clip"),
            ctc_weight=_conf(config, "model_conf").get("ctc_weight"),
            devices=config.get("dist_world_size") or config.get("ngpu") or 1,
        ),
    )


def _conf(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = config.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str) and value else None


def sample_rate(config: Mapping[str, Any]) -> int:
    """Return samples per second of the audio; ESPnet writes rates as numbers or as ``16k``."""
    value = _conf(config, "frontend_conf").get("fs") or config.get("sampling_rate") or 16000  # its frontends' default
    text = str(value).lower()
    return int(float(text[:-1]) * 1000) if text.endswith("k") else int(float(text))
