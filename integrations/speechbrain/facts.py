"""What a Brain and its hparams say about the experiment: values in, values out, nothing is recorded here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from speechbrain.utils.metric_stats import ErrorRateStats

from speech_tracker.integrations.speechbrain.hyperparams import read_hyperparams
from speech_tracker.schema import Augmentation, Data, Features, Model, Speech, Training

_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))


def experiment_folder(hparams: Mapping[str, Any], checkpointer: Any, save_file: str | None) -> Path | None:
    """Return the recipe's output folder, which remembers the run."""
    if hparams.get("output_folder"):
        return Path(str(hparams["output_folder"]))
    if save_file:
        return Path(save_file).parent
    return Path(checkpointer.checkpoints_dir).parent if checkpointer is not None else None


def configuration(hparams: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resolved configuration: ``hyperparams.yaml`` as SpeechBrain wrote it, else the plain values of hparams."""
    folder = hparams.get("output_folder")
    path = Path(str(folder)) / "hyperparams.yaml" if folder else None
    if path is not None and path.is_file():
        return read_hyperparams(path.read_text(encoding="utf-8"))
    return {key: value for key, value in hparams.items() if isinstance(value, _PLAIN)}


def speech(hparams: Mapping[str, Any], config: Mapping[str, Any], modules: Any, task: str | None) -> Speech:
    """Return the description in the speech vocabulary, from the names that SpeechBrain's recipes use."""
    import speechbrain

    def number(*names: str, kind: type = int) -> Any:
        for name in names:
            value = config.get(name, hparams.get(name))
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return kind(value)
        return None

    def text(*names: str) -> str | None:
        return next((str(config[name]) for name in names if isinstance(config.get(name), str)), None)

    rate = number("sample_rate")
    window, hop = number("win_length", kind=float), number("hop_length", kind=float)
    parameters = list(modules.parameters()) if modules is not None else []
    optimizer = hparams.get("opt_class") or hparams.get("model_opt_class")
    name = getattr(getattr(optimizer, "func", optimizer), "__name__", None)
    perturbation = config.get("speed_changes") or (config.get("speed_perturb") or {})
    speeds = perturbation.get("speeds") if isinstance(perturbation, Mapping) else perturbation
    return Speech(
        task=task,
        toolkit="speechbrain",
        toolkit_version=speechbrain.__version__,
        model=Model(
            type=_model_type(modules),
            encoder_layers=number("num_encoder_layers", "rnn_layers", "enc_layers"),
            decoder_layers=number("num_decoder_layers", "dec_layers"),
            encoder_dim=number("d_model", "rnn_neurons"),
            attention_heads=number("nhead"),
            parameters=sum(each.numel() for each in parameters) or None,
            trainable_parameters=sum(each.numel() for each in parameters if each.requires_grad) or None,
            token_type=text("token_type"),
            vocabulary_size=number("output_neurons"),
            pretrained=text("wav2vec2_hub", "whisper_hub", "ssl_hub", "pretrained_path"),
        ),
        data=Data(
            datasets=tuple(Path(each).stem for each in listed(config.get("train_csv") or config.get("train_json")))
            or None,
            test_sets=tuple(Path(each).stem for each in listed(config.get("test_csv") or config.get("test_json")))
            or None,
        ),
        features=Features(
            type="fbank" if "compute_features" in hparams else None,
            sample_rate=rate,
            n_mels=number("n_mels"),
            n_fft=number("n_fft"),
            # SpeechBrain's feature classes take both in milliseconds
            window_ms=window,
            hop_ms=hop,
        ),
        augmentation=Augmentation(
            spec_augment=True if {"time_drop", "freq_drop", "fea_augment"} & set(hparams) else None,
            speed_perturbation=tuple(each / 100 for each in speeds) if isinstance(speeds, list) and speeds else None,
            noise=True if "add_noise" in hparams else None,
            rir=True if {"add_reverb", "env_corrupt"} & set(hparams) else None,
        ),
        training=Training(
            optimizer=name.lower() if name else None,
            learning_rate=number("lr", "lr_adam", "lr_model", kind=float),
            schedule=type(hparams["lr_annealing"]).__name__ if "lr_annealing" in hparams else None,
            warmup_steps=number("n_warmup_steps"),
            batch_size=number("batch_size"),
            accumulation=number("grad_accumulation_factor"),
            max_epochs=number("number_of_epochs"),
            seed=number("seed"),
            precision=text("precision"),
            gradient_clip=number("max_grad_norm", kind=float),
            ctc_weight=number("ctc_weight", kind=float),
        ),
    )


def _model_type(modules: Any) -> str | None:
    for module in modules.values() if modules is not None else ():
        found = re.search(
            r"conformer|branchformer|transformer|crdnn|wav2vec2|whisper|ecapa|xvector",
            type(module).__name__,
            re.IGNORECASE,
        )
        if found:
            return found[0].lower()
        inner = getattr(module, "encoder", None)
        if inner is not None and "conformer" in type(inner).__name__.lower():
            return "conformer"
    return None


def listed(value: Any) -> list[str]:
    """Return one path or several as a list of texts."""
    return [] if value is None else [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]


def error_rates(brain: Any) -> Iterator[tuple[str, ErrorRateStats]]:
    """Yield (name, statistics) of every ErrorRateStats on the Brain that holds utterances."""
    for name, value in vars(brain).items():
        for place, each in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(each, ErrorRateStats) and each.scores:
                yield (f"{name}_{place}" if isinstance(value, list) else name), each


def transcripts(statistics: ErrorRateStats) -> tuple[dict[str, str], dict[str, str]]:
    """Return references and hypotheses by utterance id, tokens joined by spaces (characters by nothing)."""
    glue = "" if statistics.split_tokens else " "
    references, hypotheses = {}, {}
    for row in statistics.scores:
        references[str(row["key"])] = glue.join(str(token) for token in row["ref_tokens"])
        hypotheses[str(row["key"])] = glue.join(str(token) for token in row["hyp_tokens"] or ())
    return references, hypotheses


def speakers(dataset: Any) -> dict[str, str]:
    """Return utterance id to speaker, where the manifest has ``spk_id`` (or ``speaker``); empty where it has not."""
    rows = getattr(getattr(dataset, "dataset", dataset), "data", None)
    found = {}
    for name, row in rows.items() if isinstance(rows, Mapping) else ():
        speaker = row.get("spk_id", row.get("speaker")) if isinstance(row, Mapping) else None
        if speaker is not None:
            found[str(name)] = str(speaker)
    return found


def size(dataset: Any) -> dict[str, Any]:
    """Return utterances, hours and speakers of a dataset, as far as its manifest tells."""
    inner = getattr(dataset, "dataset", dataset)
    found: dict[str, Any] = {"utterances": len(inner)} if hasattr(inner, "__len__") else {}
    rows = getattr(inner, "data", None)
    if isinstance(rows, Mapping):
        seconds = [float(row["duration"]) for row in rows.values() if isinstance(row, Mapping) and "duration" in row]
        if seconds:
            found["hours"] = sum(seconds) / 3600
        found["speakers"] = len(set(speakers(dataset).values())) or None
    return found


def test_set_name(hparams: Any, number: int) -> str:
    """Return the name of the test set that is evaluated as the `number`-th (from 0).

    SpeechBrain has no name for it: recipes give it in ``test_wer_file`` (``wer_test-clean.txt``), or list their
    manifests in ``test_csv``.
    """
    wer_file = getattr(hparams, "test_wer_file", None) or getattr(hparams, "wer_file", None)
    if wer_file:
        stem = re.sub(r"^(?:wer|cer)_", "", Path(str(wer_file)).stem)
        if stem not in ("wer", "cer"):
            return stem
    manifests = listed(getattr(hparams, "test_csv", None) or getattr(hparams, "test_json", None))
    if number < len(manifests):
        return Path(manifests[number]).stem
    return "test" if number == 0 else f"test_{number + 1}"
