"""Trains a language model, a synthesizer, a translator, a speech enhancer and, with espnetez, a recogniser.

One process, so that ESPnet is imported once: ``python other_tasks.py`` beside ``data/`` of `make_data.py`; each into
``exp/<task>``. One epoch each of the smallest model there is.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import speech_tracker.integrations.espnet

speech_tracker.integrations.espnet.install(project="tasks")

COMMON = (
    "--ngpu", "0", "--max_epoch", "1", "--batch_type", "unsorted", "--batch_size", "4", "--num_workers", "0",
    "--num_att_plot", "0", "--use_tensorboard", "false", "--seed", "1",
)  # fmt: skip
LETTERS = ("--use_preprocessor", "true", "--token_type", "char", "--token_list", "data/tokens.txt")


def data(*kinds: str) -> list[str]:
    """Return the options for data of ``file,name,type``, all with one shape file."""
    found = []
    for split, folder in (("train", "train_sp"), ("valid", "dev")):
        for kind in kinds:
            found += [f"--{split}_data_path_and_name_and_type", f"data/{folder}/{kind}"]
        found += [f"--{split}_shape_file", f"data/{folder}/{kinds[0].partition(',')[0]}"]
    return found


def conf(name: str, **values: Any) -> list[str]:
    return [part for key, value in values.items() for part in (f"--{name}", f"{key}={value}")]


def language_model() -> None:
    from espnet2.tasks.lm import LMTask

    LMTask.main(
        cmd=[*COMMON, *LETTERS, *data("text,text,text"), "--output_dir", "exp/lm", *conf("lm_conf", unit=8, nlayers=1)]
    )


def perplexity() -> None:
    from speech_tracker.integrations.espnet.__main__ import main

    main(
        [
            "-m", "espnet2.bin.lm_calc_perplexity", "--ngpu", "0", "--data_path_and_name_and_type", "data/dev/text,text,text",
            "--train_config", "exp/lm/config.yaml", "--model_file", "exp/lm/valid.loss.ave.pth", "--output_dir", "exp/lm/perplexity",
        ]
    )  # fmt: skip


def synthesizer() -> None:
    from espnet2.tasks.tts import TTSTask

    small = conf(
        "tts_conf", embed_dim=8, elayers=1, eunits=8, econv_layers=1, econv_chans=8, econv_filts=5, dlayers=1, dunits=8,
        prenet_layers=1, prenet_units=8, postnet_layers=0, adim=8, aconv_chans=4, aconv_filts=5,
    )  # fmt: skip
    TTSTask.main(
        cmd=[
            *COMMON, *LETTERS, *data("text,text,text", "wav.scp,speech,sound"), "--output_dir", "exp/tts",
            "--batch_size", "1",  # larger ones have to be sorted by length for this model
            "--tts", "tacotron2", *small, "--feats_extract", "fbank", "--normalize", "none",
            *conf("feats_extract_conf", fs=16000, n_fft=512, hop_length=160, n_mels=16, fmin=80, fmax=7600),
        ]
    )  # fmt: skip


def translator() -> None:
    from espnet2.tasks.st import STTask

    STTask.main(
        cmd=[
            *COMMON, *LETTERS, "--src_token_type", "char", "--src_token_list", "data/tokens.txt",
            *data("wav.scp,speech,sound", "text,text,text", "text,src_text,text"), "--output_dir", "exp/st",
            *conf("frontend_conf", n_fft=400, hop_length=160, n_mels=24), "--normalize", "utterance_mvn",
            "--encoder", "transformer", *conf("encoder_conf", output_size=16, attention_heads=2, linear_units=24, num_blocks=1),
            "--decoder", "transformer", *conf("decoder_conf", attention_heads=2, linear_units=24, num_blocks=1),
            *conf("model_conf", asr_weight=0.3, mtlalpha=0.5),
            "--extra_asr_decoder", "transformer",
            *conf("extra_asr_decoder_conf", attention_heads=2, linear_units=24, num_blocks=1),
        ]
    )  # fmt: skip


def enhancer() -> None:
    from espnet2.tasks.enh import EnhancementTask

    EnhancementTask.main(
        cmd=[
            *COMMON, *data("wav.scp,speech_mix,sound", "wav.scp,speech_ref1,sound"), "--output_dir", "exp/se",
            "--encoder", "stft", *conf("encoder_conf", n_fft=256, hop_length=128),
            "--decoder", "stft", *conf("decoder_conf", n_fft=256, hop_length=128),
            "--separator", "rnn", *conf("separator_conf", num_spk=1, layer=1, unit=8),
        ]
    )  # fmt: skip


def recogniser_of_espnetez() -> None:
    import espnetez
    import numpy as np
    import soundfile

    tokens = Path("data/tokens.txt").read_text().split("\n")[:-1]
    numbers = {" " if token == "<space>" else token: number for number, token in enumerate(tokens)}

    class Rows:
        def __init__(self, folder: str) -> None:
            texts = dict(line.split(" ", 1) for line in Path(folder, "text").read_text().splitlines())
            paths = dict(line.split(" ", 1) for line in Path(folder, "wav.scp").read_text().splitlines())
            self.rows = [(paths[key], text) for key, text in texts.items()]

        def __len__(self) -> int:
            return len(self.rows)

        def __getitem__(self, index: Any) -> tuple[str, str]:
            return self.rows[int(index)]

    info = {
        "speech": lambda row: soundfile.read(row[0], dtype="float32")[0],
        "text": lambda row: np.array([numbers[letter] for letter in row[1]]),
    }
    config = espnetez.from_yaml("asr", str(Path(__file__).parent / "asr.yaml"))
    config.update(token_type="char", token_list=tokens, max_epoch=1, num_att_plot=0, use_preprocessor=False)
    trainer = espnetez.Trainer(
        task="asr", train_config=config, data_info=info, output_dir="exp/ez", stats_dir="exp/ez_stats", ngpu=0,
        train_dataset=espnetez.dataset.ESPnetEZDataset(Rows("data/train_sp"), data_info=info),
        valid_dataset=espnetez.dataset.ESPnetEZDataset(Rows("data/dev"), data_info=info),
    )  # fmt: skip
    trainer.collect_stats()
    trainer.train()


TASKS = (language_model, perplexity, synthesizer, translator, enhancer, recogniser_of_espnetez)

if __name__ == "__main__":
    wanted = sys.argv[1:] or [task.__name__ for task in TASKS]
    for task in TASKS:
        if task.__name__ in wanted:
            task()
