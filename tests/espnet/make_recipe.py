"""Writes an ESPnet2 recipe's folder as its scripts leave it: a language model, and a recogniser decoded in two ways.

``python make_recipe.py FOLDER``. The reports in `sclite/` were made by sclite 2.4.12 from these very transcripts
(``sclite -r ref.trn trn -h hyp.trn trn -i rm -o all stdout``).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

SCLITE = Path(__file__).parent / "sclite"
MODEL = "asr_train_asr_small_raw_en_char_sp"
LANGUAGE_MODEL = "lm_train_lm_en_char"
WITH_LM = f"decode_asr_lm_{LANGUAGE_MODEL}_valid.loss.ave_asr_model_valid.acc.ave"
WITHOUT = "decode_beam5_ctc0.5_asr_model_valid.acc.best"
TAGS = (WITH_LM, WITHOUT)

REFERENCES = {
    "dev_small": {
        "174-50561-0000": "THE BIRDS SING IN SPRING",
        "174-50561-0001": "IT RAINS",
        "251-118436-0000": "NOBODY KNOWS THE WAY",
        "251-118436-0001": "COME BACK SOON",
    },
    "test_small": {
        "1089-134686-0000": "HE HOPED THERE WOULD BE STEW",
        "1089-134686-0001": "STUFF IT INTO YOU",
        "1089-134691-0000": "HE COULD WAIT NO LONGER",
        "121-121726-0000": "ALSO A POPULAR CONTRIVANCE",
        "121-121726-0001": "ANGOR PAIN",
    },
}
HEARD = {
    (WITH_LM, "dev_small"): {"174-50561-0001": "IT RAIN", "251-118436-0000": "NOBODY KNOWS A WAY"},
    (WITHOUT, "dev_small"): {"174-50561-0000": "THE BIRD SING SPRING", "174-50561-0001": "IT RAIN", "251-118436-0001": "COMEBACK SOON"},
    (WITH_LM, "test_small"): {"1089-134686-0000": "HE HOPED THERE WOULD BE A STEW", "121-121726-0001": "ANGER PAIN"},
    (WITHOUT, "test_small"): {"1089-134691-0000": "HE COULD WAIT NO LONGER NOW", "121-121726-0000": "ALSO POPULAR CONTRIVANCES"},
}  # fmt: skip

HOST = "[node3:0/2] "


def make(folder: Path) -> None:
    """Write the recipe."""
    for name, texts in REFERENCES.items():
        _data(folder / "dump" / "raw" / name, texts)
    _data(folder / "dump" / "raw" / "train_sp", {"sp0.9-19-198-0000": "A B", "19-198-0000": "A B", "26-495-0000": "C"})
    model = folder / "exp" / MODEL
    _write(model / "config.yaml", CONFIG)
    _write(model / "train.1.log", FIRST_LOG)
    _write(model / "train.log", SECOND_LOG)
    for epoch in (2, 3):
        _write(model / f"{epoch}epoch.pth", f"weights {epoch}")
    (model / "valid.acc.best.pth").symlink_to("3epoch.pth")
    _write(model / "valid.acc.ave_2best.pth", "average")
    (model / "valid.acc.ave.pth").symlink_to("valid.acc.ave_2best.pth")
    _write(model / "checkpoint.pth", "state")
    _write(model / "images" / "loss.png", "picture")
    for tag in TAGS:
        for name in REFERENCES:
            _decoded(model, tag, name)
    _write(model / "RESULTS.md", results_md(model))
    _write(folder / "conf" / "decode_asr.yaml", "beam_size: 10\nctc_weight: 0.3\nlm_weight: 0.4\npenalty: 0.0\n")
    language_model = folder / "exp" / LANGUAGE_MODEL
    _write(language_model / "config.yaml", LM_CONFIG)
    _write(language_model / "train.log", LM_LOG)
    _write(language_model / "perplexity_test" / "ppl", "12.375\n")
    statistics = folder / "exp" / "asr_stats_raw_en_char_sp" / "logdir"
    _write(statistics / "stats.1" / "config.yaml", CONFIG.replace("collect_stats: false", "collect_stats: true"))
    _write(statistics / "stats.1.log", "# python3 -m espnet2.bin.asr_train --collect_stats true\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _data(folder: Path, texts: dict[str, str]) -> None:
    _write(folder / "text", "".join(f"{key} {text}\n" for key, text in texts.items()))
    speakers = {key: key.removeprefix("sp0.9-").partition("-")[0] for key in texts}
    _write(folder / "utt2spk", "".join(f"{key} {speaker}\n" for key, speaker in speakers.items()))
    _write(folder / "spk2utt", "".join(f"{speaker} x\n" for speaker in dict.fromkeys(speakers.values())))
    _write(folder / "wav.scp", "".join(f"{key} wav/{key}.wav\n" for key in texts))


def heard(tag: str, name: str) -> dict[str, str]:
    """Return what was decoded."""
    return {**REFERENCES[name], **HEARD[tag, name]}


def _decoded(model: Path, tag: str, name: str) -> None:
    folder = model / tag / name
    hypotheses = heard(tag, name)
    _write(folder / "text", "".join(f"{key} {text}\n" for key, text in hypotheses.items()))
    _write(folder / "score", "".join(f"{key} tensor(-1.5)\n" for key in hypotheses))
    _write(folder / "logdir" / "asr_inference.1.log", inference_log(tag, name))
    if tag == WITH_LM:
        _write(
            folder / "logdir" / "calculate_rtf.log",
            "# pyscripts/utils/calculate_rtf.py --log-name asr_inference\nTotal audio duration: 20.000 [sec]\n"
            "Total decoding time: 5.000 [sec]\nRTF: 0.250\nLatency: 1000.000 [ms/sentence]\n",
        )
    write_scores(folder, tag, name, REFERENCES[name], hypotheses)


def write_scores(folder: Path, tag: str, name: str, references: dict[str, str], hypotheses: dict[str, str]) -> None:
    """Write what the scoring stage does, for words and for characters."""
    for metric in ("wer", "cer"):
        place = folder / f"score_{metric}"
        for side, texts in (("ref", references), ("hyp", hypotheses)):
            _write(place / f"{side}.trn", trn(metric, list(texts.values()), list(references)))
        report = SCLITE / f"{'lm' if tag == WITH_LM else 'ctc'}-{name}-{metric}.txt"
        if report.is_file():
            shutil.copy(report, place / "result.txt")


def trn(metric: str, texts: list[str], utterances: list[str]) -> str:
    """Return a transcript file, pasted line by line as ``asr.sh`` does."""
    lines = []
    for text, key in zip(texts, utterances, strict=False):
        said = text if metric == "wer" else " ".join("<space>" if each == " " else each for each in text)
        lines.append(f"{said}\t({key.partition('-')[0]}-{key})\n")
    return "".join(lines)


def inference_log(tag: str, name: str) -> str:
    """Return the log of the one job that decoded a set: two utterances of 4 s, in 1 s each."""
    exp, data = f"exp/{MODEL}", f"dump/raw/{name}"
    model = "valid.acc.ave.pth" if tag == WITH_LM else "valid.acc.best.pth"
    options = (
        f"--config conf/decode_asr.yaml --lm_train_config exp/{LANGUAGE_MODEL}/config.yaml --lm_file "
        f"exp/{LANGUAGE_MODEL}/valid.loss.ave.pth"
        if tag == WITH_LM
        else "--beam_size 5 --ctc_weight 0.5"
    )
    command = (
        f"# python3 -m espnet2.bin.asr_inference --batch_size 1 --ngpu 0 --data_path_and_name_and_type {data}/wav.scp,speech,sound "
        f"--key_file {exp}/{tag}/{name}/logdir/keys.1.scp --asr_train_config {exp}/config.yaml --asr_model_file {exp}/{model} "
        f"--output_dir {exp}/{tag}/{name}/logdir/output.1 {options}"
    )
    lines = [
        command,
        "# Started at Sat Nov  8 10:00:00 CET 2025",
        "#",
        "2025-11-08 10:00:05,000 (asr:494) INFO: Vocabulary size: 30",
    ]
    for second in (10, 20):
        lines += [
            f"2025-11-08 10:00:{second},000 (asr_inference:522) INFO: speech length: 64000",
            f"2025-11-08 10:00:{second + 1},000 (beam_search:483) INFO: best hypo: A B",
            "",
        ]
    lines += [
        "# Accounting: time=30 threads=1",
        "# Ended (code 0) at Sat Nov  8 10:00:30 CET 2025, elapsed time 30 seconds",
    ]
    return "".join(f"{line}\n" for line in lines)


def results_md(model: Path) -> str:
    """Return the table that ``show_asr_result.sh`` makes of the reports."""
    lines = ["<!-- Generated by scripts/utils/show_asr_result.sh -->", "# RESULTS", "## Environments",
             "- date: `Sat Nov  8 11:00:00 CET 2025`", "- espnet version: `espnet 202511`", "", f"## exp/{MODEL}"]  # fmt: skip
    for metric in ("wer", "cer"):
        lines += [
            f"### {metric.upper()}",
            "",
            "|dataset|Snt|Wrd|Corr|Sub|Del|Ins|Err|S.Err|",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for report in sorted(model.glob(f"*/*/score_{metric}/result.txt")):
            row = next(line for line in report.read_text(encoding="utf-8").splitlines() if "Sum/Avg" in line)
            cells = row.replace("|", " ").split()[1:]
            lines.append(f"|{report.parent.parent.relative_to(model)}|{'|'.join(cells)}|")
        lines.append("")
    return "\n".join(lines)


TOKENS = "".join(
    f"- {token!r}\n" for token in ["<blank>", "<unk>", "<space>", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ'", "<sos/eos>"]
)
CONFIG = f"""\
config: conf/train_asr_small.yaml
log_level: INFO
output_dir: exp/{MODEL}
ngpu: 2
seed: 7
collect_stats: false
max_epoch: 3
best_model_criterion:
-   - valid
    - acc
    - max
keep_nbest_models: 2
grad_clip: 5.0
accum_grad: 2
log_interval: 2
init_param: []
batch_type: numel
batch_size: 20
train_data_path_and_name_and_type:
-   - dump/raw/train_sp/wav.scp
    - speech
    - sound
-   - dump/raw/train_sp/text
    - text
    - text
valid_data_path_and_name_and_type:
-   - dump/raw/dev_small/wav.scp
    - speech
    - sound
optim: adam
optim_conf:
    lr: 0.002
scheduler: warmuplr
scheduler_conf:
    warmup_steps: 15000
token_list:
{TOKENS}init: null
ctc_conf: {{}}
model_conf:
    ctc_weight: 0.3
token_type: char
bpemodel: null
cleaner: null
frontend: default
frontend_conf:
    n_fft: 512
    hop_length: 160
    fs: 16k
specaug: specaug
specaug_conf:
    num_freq_mask: 2
normalize: global_mvn
encoder: conformer
encoder_conf:
    output_size: 256
    attention_heads: 4
    num_blocks: 12
decoder: transformer
decoder_conf:
    num_blocks: 6
required:
- output_dir
- token_list
version: '202511'
distributed: true
"""
LM_CONFIG = f"""\
output_dir: exp/{LANGUAGE_MODEL}
seed: 0
max_epoch: 1
optim: adam
log_level: INFO
lm: seq_rnn
lm_conf:
    unit: 650
token_type: char
train_data_path_and_name_and_type:
-   - dump/raw/lm_train.txt
    - text
    - text
version: '202511'
"""


def _step(epoch: int, first: int, last: int, minute: int, loss: float, hour: int = 14) -> str:
    # the comma that is missing in real logs is missing here
    return (
        f"{HOST}2025-11-07 {hour}:{minute:02d}:00,000 (trainer:811) INFO: {epoch}epoch:train:{first}-{last}batch: iter_time=2.9e-04, "
        f"forward_time=0.134loss_ctc={loss + 1:.3f}, loss_att={loss - 1:.3f}, acc=0.321, loss={loss:.3f}, grad_norm=4.125, "
        f"clip=100.000, loss_scale=1.000, optim_step_time=0.030, optim0_lr0=1.667e-06, train_time=1.816\n"
    )


def _epoch(epoch: int, minute: int, count: int, loss: float, acc: float, cer_ctc: str, hour: int = 14) -> str:
    return (
        f"{HOST}2025-11-07 {hour}:{minute:02d}:30,000 (trainer:394) INFO: {epoch}epoch results: [train] iter_time=2.9e-04, "
        f"loss={loss:.3f}, acc=0.330, grad_norm=4.000, optim0_lr0=3.333e-06, train_time=1.800, "
        f"time=1 minute and 25.5 seconds, total_count={count}, gpu_max_cached_mem_GB=3.500, [valid] loss_ctc=1.150e+03, "
        f"cer_ctc={cer_ctc}, acc={acc:.3f}, cer=0.450, wer=1.020, loss={loss - 1:.3f}, time=5.25 seconds, total_count={epoch}, "
        "gpu_max_cached_mem_GB=3.500, [att_plot] time=3.2 seconds, total_count=0, gpu_max_cached_mem_GB=3.500\n"
    )


_HEAD = (
    f"# python3 -m espnet2.bin.asr_train --use_preprocessor true --resume true --output_dir exp/{MODEL}\n"
    "# Started at Fri Nov  7 14:00:00 CET 2025\n#\n"
    f"{HOST}2025-11-07 14:00:01,000 (asr:494) INFO: Vocabulary size: 30\n"
    "Model summary:\n    Class Name: ESPnetASRModel\n    Total Number of model parameters: 43.04 M\n"
    "    Number of trainable parameters: 43.04 M (100.0%)\n"
)
FIRST_LOG = (
    _HEAD
    + f"{HOST}2025-11-07 14:00:30,000 (trainer:336) INFO: 1/3epoch started\n"
    + _step(1, 1, 2, 1, 30.5)
    + "[node3:1/2] 2025-11-07 14:01:00,001 (trainer:742) WARNING: The grad norm is nan. Skipping updating the model.\n"
    + f"{HOST}2025-11-07 14:01:30,000 (trainer:742) WARNING: The grad norm is nan. Skipping updating the model.\n"
    + _step(1, 3, 4, 2, 28.25)
    + _epoch(1, 3, 4, 29.125, 0.400, "nan")
    + f"{HOST}2025-11-07 14:04:00,000 (trainer:462) INFO: The best model has been updated: valid.acc\n"
    + f"{HOST}2025-11-07 14:04:00,500 (trainer:324) INFO: 2/3epoch started. Estimated time to finish: 2 minutes and 3.5 seconds\n"
    + _step(2, 1, 2, 5, 26.5)
    + _step(2, 3, 4, 6, 24.25)
    + _epoch(2, 7, 8, 25.125, 0.500, "4.993")
    + f"{HOST}2025-11-07 14:08:00,500 (trainer:324) INFO: 3/3epoch started. Estimated time to finish: 1 minute\n"
    + _step(3, 1, 2, 9, 99.0)
    + "slurmstepd: error: *** JOB 4711 ON node3 CANCELLED AT 2025-11-07T14:09:30 DUE TO TIME LIMIT ***\n"
)
SECOND_LOG = (
    _HEAD
    + f"{HOST}2025-11-07 15:00:20,000 (trainer:177) INFO: The training was resumed using exp/{MODEL}/checkpoint.pth\n"
    + f"{HOST}2025-11-07 15:00:30,000 (trainer:336) INFO: 3/3epoch started\n"
    + _step(3, 1, 2, 11, 22.5, 15)
    + _step(3, 3, 4, 12, 20.25, 15)
    + _epoch(3, 13, 12, 21.125, 0.600, "3.250", 15)
    + f"{HOST}2025-11-07 15:14:00,000 (trainer:462) INFO: The best model has been updated: valid.acc\n"
    + f"{HOST}2025-11-07 15:14:01,000 (trainer:516) INFO: The model files were removed: exp/{MODEL}/1epoch.pth\n"
    + f"{HOST}2025-11-07 15:14:02,000 (trainer:534) INFO: The training was finished at 3 epochs \n"
    + f'{HOST}2025-11-07 15:14:03,000 (average_nbest_models:70) INFO: Averaging 2best models: criterion="valid.acc": exp/{MODEL}/x\n'
    + "# Accounting: time=840 threads=1\n# Ended (code 0) at Fri Nov  7 15:14:10 CET 2025, elapsed time 840 seconds\n"
)
LM_LOG = (
    "# python3 -m espnet2.bin.lm_train --resume true\n"
    "[PC] 2020-11-11 16:30:04,578 (trainer:486) INFO: 1epoch:train:1-2batch: iter_time=0.001, loss=2.386, lr_0=0.100, train_time=0.013\n"
    "[PC] 2020-11-11 16:30:18,406 (trainer:243) INFO: 1epoch results: [train] iter_time=0.001, loss=2.853, lr_0=0.100, "
    "train_time=0.013, time=1 minute and 42.6 seconds, total_count=2, [valid] loss=2.387, time=3 seconds, total_count=1, "
    "[att_plot] time=0.28 seconds, total_count=0\n"
    "[PC] 2020-11-11 16:30:18,969 (trainer:286) INFO: The best model has been updated: valid.loss\n"
    "[PC] 2020-11-11 16:30:18,970 (trainer:322) INFO: The training was finished at 1 epochs \n"
)

if __name__ == "__main__":
    make(Path(sys.argv[1]))
