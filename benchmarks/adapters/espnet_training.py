"""An ESPnet training, recorded or not: python espnet_training.py CORPUS EPOCHS plain|recorded"""

from __future__ import annotations

import sys
from pathlib import Path

import clock  # noqa: F401 - it registers itself

CONFIG = Path(__file__).with_name("espnet.yaml")


def main(folder: str, epochs: str, how: str) -> None:
    if how == "recorded":  # what `--python "python3 -m speech_tracker.integrations.espnet"` does
        import speech_tracker.integrations.espnet

        speech_tracker.integrations.espnet.install()
    from espnet2.bin import asr_train

    arguments = [
        "--ngpu", "0", "--config", str(CONFIG), "--max_epoch", epochs, "--use_preprocessor", "true", "--output_dir", "exp",
        "--token_type", "char", "--token_list", f"{folder}/tokens.txt",
        "--train_shape_file", f"{folder}/train/wav.scp", "--valid_shape_file", f"{folder}/dev/wav.scp",
    ]  # fmt: skip
    for split, name in (("train", "train"), ("valid", "dev")):
        for kind in ("wav.scp,speech,sound", "text,text,text"):
            arguments += [f"--{split}_data_path_and_name_and_type", f"{folder}/{name}/{kind}"]
    sys.argv = [asr_train.__file__, *arguments]
    asr_train.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
