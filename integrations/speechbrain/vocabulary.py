"""A recipe's resolved configuration in the speech vocabulary, by the names that SpeechBrain's recipes use.

Values in, values out, without SpeechBrain: the live adapter says the same of the objects that it sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from speech_tracker.integrations.speechbrain.augmentation import augmentation
from speech_tracker.integrations.speechbrain.data_sets import manifests
from speech_tracker.integrations.speechbrain.hyperparams_file import class_of, classes_in
from speech_tracker.precision import precision_name
from speech_tracker.schema import Augmentation, Data, Decoding, Features, Model, Speech, Training

_MODELS = (
    "branchformer", "conformer", "wav2vec2", "wavlm", "hubert", "whisper", "crdnn", "ecapa", "xvector", "sepformer",
    "convtasnet", "tacotron2", "fastspeech2", "hifigan", "transformer", "resnet",
)  # fmt: skip
"""Kinds of model, by what their classes are called; the first that occurs counts."""

_FEATURES = {
    "Fbank": "fbank",
    "MFCC": "mfcc",
    "STFT": "stft",
    "Spectrogram": "spectrogram",
    "GroupDelayModified": "mgd",
}

_TASKS: tuple[tuple[str, str], ...] = (
    ("diarization", r"diari[sz]ation|(^|[^a-z])der([^a-z]|$)"),
    ("tts", r"tacotron|fastspeech|hifi_?gan|vocoder|(^|[^a-z])tts([^a-z]|$)|diffwave"),
    ("separation", r"sepformer|convtasnet|dual_?path|separation|wsj0-?mix|libri(\d)?mix"),
    ("se", r"enhanc|segan|metric_?gan|dns|voicebank|(^|[^a-z])(pesq|stoi)([^a-z]|$)"),
    ("lid", r"lang(uage)?[_-]?id|voxlingua"),
    ("sid", r"speaker[_-]?id|spk[_-]?id(entification)?\b|speaker[_-]?rec"),
    ("sv", r"verification|ecapa|xvector|(^|[^a-z])eer([^a-z]|$)|plda"),
    ("ser", r"emotion|iemocap"),
    ("kws", r"google[_-]?speech[_-]?commands|keyword|wake[_-]?word"),
    ("vad", r"(^|[^a-z])vad([^a-z]|$)"),
    ("st", r"(^|[^a-z])bleu([^a-z]|$)|translation|must-?c|fisher-?callhome"),
    ("slu", r"(^|[^a-z])slu([^a-z]|$)|slurp|fluent[_-]speech|timers[_-]and"),
    ("g2p", r"(^|[^a-z])g2p([^a-z]|$)"),
    ("asr", r"(^|[^a-z])(wer|cer|per|asr|ctc|transducer|seq2seq|librispeech|timit|aishell|commonvoice)([^a-z]|$)"),
    ("ssl", r"pre-?train(ing)?([^a-z]|$)|best-?rq"),
    ("lm", r"(^|[^a-z])(lm|perplexity|ppl)([^a-z]|$)"),
)
"""Task → what its recipes call their folders, their numbers and their classes."""


def task_of(rates: Iterable[str], folder: str, recipe: str | None, config: Mapping[str, Any]) -> str:
    """Return the task of an experiment: by its error rates, else by what its folder, recipe and classes are called.

    Args:
        rates: names of the numbers and files of error rates.
        folder: of the experiment, as the recipe names it.
        recipe: path of the recipe's YAML file.
        config: the configuration.
    """
    names = {name.lower() for name in rates}
    if names & {"wer", "cer", "per", "ter"}:
        return "slu" if _is("slu", f"{folder} {recipe}") and not _is("asr", folder) else "asr"
    for text in (folder, recipe or "", " ".join(sorted(names)), " ".join(classes_in(dict(config)))):
        found = next((task for task, _ in _TASKS if _is(task, text)), None)
        if found is not None:
            return found
    return "other"


def _is(task: str, text: str) -> bool:
    pattern = next(pattern for name, pattern in _TASKS if name == task)
    return re.search(pattern, text.lower()) is not None


def speech_of(
    config: Mapping[str, Any],
    task: str,
    *,
    version: str | None = None,
    parameters: tuple[int | None, int | None] = (None, None),
    data: Data | None = None,
) -> Speech:
    """Return the description in the speech vocabulary.

    Args:
        config: the resolved configuration.
        task: standard name.
        version: SpeechBrain's.
        parameters: all and trainable ones, where the log says them.
        data: what is known of the data sets; their names are added.
    """

    def number(*names: str, kind: type = int) -> Any:
        for name in names:
            value = config.get(name)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return kind(value)
        return None

    def text(*names: str) -> str | None:
        return next((str(config[name]) for name in names if isinstance(config.get(name), str)), None)

    sets = data or Data()
    optimizer = _named(config, ("opt_class", "model_opt_class", "Adam"), r"\.optim\.")
    schedule = _named(config, ("lr_annealing", "lr_annealing_model", "noam_annealing"), r"\.schedulers\.|lr_scheduler")
    kind = model_type(config)
    return Speech(
        task=task,
        toolkit="speechbrain",
        toolkit_version=version,
        model=Model(
            type=kind,
            encoder=kind,
            encoder_layers=number("num_encoder_layers", "rnn_layers", "enc_layers"),
            decoder_layers=number("num_decoder_layers", "dec_layers"),
            encoder_dim=number("d_model", "rnn_neurons"),
            attention_heads=number("nhead"),
            parameters=parameters[0],
            trainable_parameters=parameters[1],
            token_type=text("token_type"),
            vocabulary_size=number("output_neurons"),
            pretrained=text("wav2vec2_hub", "whisper_hub", "ssl_hub", "pretrained_path"),
        ),
        data=Data(
            datasets=_stems(manifests(config, "train")) or None,
            test_sets=_stems(manifests(config, "test")) or None,
            train_hours=sets.train_hours,
            train_utterances=sets.train_utterances,
            train_speakers=sets.train_speakers,
            valid_utterances=sets.valid_utterances,
            version=sets.version,
        ),
        features=Features(
            type=_features(config),
            sample_rate=number("sample_rate"),
            n_mels=number("n_mels"),
            n_fft=number("n_fft"),
            # SpeechBrain's feature classes take both in milliseconds
            window_ms=number("win_length", kind=float),
            hop_ms=number("hop_length", kind=float),
        ),
        augmentation=augmentation(config, _named_augmentation(config)),
        training=Training(
            optimizer=optimizer.rpartition(".")[2].lower() if optimizer else None,
            learning_rate=number("lr", "lr_adam", "lr_model", "lr_start", kind=float),
            schedule=schedule.rpartition(".")[2] if schedule else None,
            warmup_steps=number("n_warmup_steps"),
            batch_size=number("batch_size"),
            accumulation=number("grad_accumulation_factor"),
            max_epochs=number("number_of_epochs", "N_epochs"),
            seed=number("seed"),
            precision=precision_name(text("precision")),
            gradient_clip=number("max_grad_norm", kind=float),
            ctc_weight=number("ctc_weight", kind=float),
        ),
        decoding=Decoding(**decoding_of(config)),
    )


def _named_augmentation(config: Mapping[str, Any]) -> Augmentation:
    """The augmentation by the names that recipes give it, for configurations in which its classes do not stand."""
    perturbation = config.get("speed_changes") or (config.get("speed_perturb") or {})
    speeds = perturbation.get("speeds") if isinstance(perturbation, Mapping) else perturbation
    return Augmentation(
        spec_augment=True if {"time_drop", "freq_drop", "fea_augment"} & set(config) else None,
        speed_perturbation=tuple(each / 100 for each in speeds or ()) if _are_numbers(speeds) else None,
        noise=True if "add_noise" in config else None,
        rir=True if {"add_reverb", "env_corrupt"} & set(config) else None,
    )


def decoding_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the search, as far as the configuration names them in the usual way."""
    names = {
        "beam_size": ("test_beam_size", "beam_size"),
        "lm_weight": ("lm_weight",),
        "ctc_weight": ("ctc_weight_decode",),
        "length_penalty": ("length_penalty",),
    }
    found: dict[str, Any] = {}
    for field, keys in names.items():
        value = next((config[key] for key in keys if _is_number(config.get(key))), None)
        if value is not None:
            found[field] = int(value) if field == "beam_size" else float(value)
    return found


def model_type(config: Mapping[str, Any]) -> str | None:
    """Return what kind of model it is, by the classes of its modules and what these are told to be."""
    modules = config.get("modules")
    inner = modules if isinstance(modules, Mapping) and modules else config
    told = [
        str(value["encoder_module"])
        for value in inner.values()
        if isinstance(value, Mapping) and isinstance(value.get("encoder_module"), str)
    ]
    classes = [named for value in inner.values() if (named := class_of(value)) is not None]
    for names in (told, [each.rpartition(".")[2] for each in classes], classes):
        text = " ".join(names).lower()
        found = next((model for model in _MODELS if model in text), None)
        if found is not None:
            return found
    return None


def _stems(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(PurePosixPath(each).stem for each in paths)


def _named(config: Mapping[str, Any], keys: tuple[str, ...], pattern: str) -> str | None:
    """The class under one of the keys, else the first in the configuration that looks like it."""
    for value in (*(config.get(key) for key in keys), *config.values()):
        named = class_of(value)
        if named is not None and re.search(pattern, named):
            return named
    return None


def _features(config: Mapping[str, Any]) -> str | None:
    named = class_of(config.get("compute_features")) or class_of(config.get("feature_extractor")) or ""
    return _FEATURES.get(named.rpartition(".")[2])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(map(_is_number, values))
