"""A Fairseq training, recorded or not: python fairseq_training.py CORPUS EPOCHS plain|recorded

To be run in Fairseq's environment, which `tests/integrations/fairseq_tiny/environment.sh` makes.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import clock  # noqa: F401 - it registers itself

RUN = Path(__file__).parents[2] / "tests" / "integrations" / "fairseq_tiny" / "run_fairseq.py"


def main(folder: str, epochs: str, how: str) -> None:
    arguments = [
        folder, "--config-yaml", "config.yaml", "--task", "speech_to_text", "--max-tokens", "1600", "--cpu", "--num-workers", "0",
        "--max-source-positions", "400", "--max-target-positions", "50", "--train-subset", "train", "--valid-subset", "dev",
        "--arch", "s2t_transformer_xs", "--encoder-embed-dim", "64", "--encoder-ffn-embed-dim", "128", "--encoder-layers", "1",
        "--decoder-layers", "1", "--decoder-embed-dim", "64", "--decoder-ffn-embed-dim", "128", "--encoder-attention-heads", "2",
        "--decoder-attention-heads", "2", "--conv-channels", "64", "--criterion", "label_smoothed_cross_entropy",
        "--optimizer", "adam", "--lr", "0.001", "--log-interval", "10", "--save-dir", "exp", "--seed", "1",
        "--log-format", "json", "--keep-last-epochs", "1", "--max-epoch", epochs,
    ]  # fmt: skip
    if how == "recorded":
        found = subprocess.run(
            [sys.executable, "-m", "speech_tracker.integrations.fairseq"], capture_output=True, text=True, check=True
        )
        arguments += ["--user-dir", found.stdout.strip()]
    sys.argv = [str(RUN), "train", *arguments]
    sys.path.insert(0, str(RUN.parent))  # as for a script
    runpy.run_path(str(RUN), run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
