"""Facts about a WeNet experiment: its configuration, and its description in the speech vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from speech_tracker.ingest.typed import number_of, text_of, truth_of
from speech_tracker.lift import lift
from speech_tracker.precision import precision_name
from speech_tracker.schema import Augmentation, Data, Decoding, Features, Model, Speech
from speech_tracker.schema import Training as TrainingFacts


def kind_of(config: Mapping[str, Any], losses: Iterable[str]) -> str:
    """Return the kind of model, by its configuration or its losses."""
    model = config.get("model")
    if isinstance(model, str) and model not in ("", "asr_model"):
        return model
    names = set(losses)
    if "predictor" in config or {"loss_rnnt", "loss_transducer"} & names:
        return "transducer"
    if {"loss_att", "loss_ctc"} <= names or ("decoder" in config and "encoder" in config):
        return "ctc-attention"
    return "ctc" if "loss_ctc" in names else "attention" if "loss_att" in names else "wenet"


def speech_of(
    kind: str,
    config: Mapping[str, Any],
    decoding: Mapping[str, Any],
    *,
    parameters: int | None,
    accumulation: int | None,
    test_sets: Iterable[str],
) -> Speech:
    """Return the description of an experiment in the common vocabulary; what is not known stays out."""
    encoder, decoder = _mapping(config, "encoder_conf"), _mapping(config, "decoder_conf")
    data, optimizer = _mapping(config, "dataset_conf"), _mapping(config, "optim_conf")
    batch, fbank = _mapping(data, "batch_conf"), _mapping(data, "fbank_conf")
    scheduler, resample = _mapping(config, "scheduler_conf"), _mapping(data, "resample_conf")
    lifted = lift({"optim": config.get("optim"), "scheduler": config.get("scheduler")}).get("training", {})
    speeds = data.get("speed_perturb")
    decoder_layers = _whole(decoder.get("num_blocks"))
    return Speech(
        task="asr",
        toolkit="wenet",
        model=Model(
            type=kind if kind != "wenet" else None,
            encoder=text_of(config.get("encoder")),
            encoder_layers=_whole(encoder.get("num_blocks")),
            encoder_dim=_whole(encoder.get("output_size")),
            decoder=text_of(config.get("decoder") or config.get("predictor")),
            decoder_layers=decoder_layers,
            attention_heads=_whole(encoder.get("attention_heads")),
            parameters=parameters,
            token_type=text_of(config.get("tokenizer")),
            vocabulary_size=_whole(config.get("output_dim")),
            subsampling=_subsampling(encoder.get("input_layer")),
        ),
        data=Data(test_sets=tuple(dict.fromkeys(test_sets)) or None),
        features=Features(
            type=text_of(data.get("feats_type")) or ("fbank" if fbank else None),
            sample_rate=_whole(resample.get("resample_rate")),
            n_mels=_whole(fbank.get("num_mel_bins")),
            window_ms=number_of(fbank.get("frame_length")),
            hop_ms=number_of(fbank.get("frame_shift")),
            normalization="global_cmvn" if config.get("cmvn") == "global_cmvn" or config.get("cmvn_file") else None,
        ),
        augmentation=Augmentation(
            spec_augment=truth_of(data.get("spec_aug")),
            spec_augment_settings=dict(_mapping(data, "spec_aug_conf")) or None,
            speed_perturbation=(0.9, 1.0, 1.1) if speeds is True else None,
        ),
        training=TrainingFacts(
            optimizer=lifted.get("optimizer"),
            learning_rate=number_of(optimizer.get("lr")),
            schedule=lifted.get("schedule"),
            warmup_steps=_whole(scheduler.get("warmup_steps")),
            batch_size=_whole(batch.get("batch_size")),
            accumulation=_whole(config.get("accum_grad")) or accumulation,
            max_epochs=_whole(config.get("max_epoch")),
            precision=precision_name(text_of(config.get("dtype"))),
            gradient_clip=number_of(config.get("grad_clip")),
            ctc_weight=number_of(_mapping(config, "model_conf").get("ctc_weight")),
        ),
        decoding=Decoding(
            method=text_of(decoding.get("method")),
            beam_size=_whole(decoding.get("beam_size")),
            ctc_weight=number_of(decoding.get("ctc_weight")),
        ),
    )


def _mapping(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = config.get(name)
    return value if isinstance(value, Mapping) else {}


def _subsampling(layer: Any) -> int | None:
    return (
        {"conv2d": 4, "conv2d6": 6, "conv2d8": 8, "conv1d2": 2, "linear": 1}.get(layer)
        if isinstance(layer, str)
        else None
    )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
