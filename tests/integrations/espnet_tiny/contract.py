"""The contract of all adapters, kept by ESPnet's: `test_espnet_contract.py` has pytest run this file in a process of its own.

ESPnet warns while it is imported, and in the suite's process warnings are errors.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from speech_tracker.testing.contract import AdapterContract, Training

TINY = Path(__file__).resolve().parent


class TestEspnet(AdapterContract):
    def tracker(self) -> Any:
        from speech_tracker.integrations.espnet import install

        return install

    def train(self, training: Training) -> bytes:
        if not training.tracked:  # hooks stay for the life of a process
            return elsewhere(training.folder)
        self.tracker()()
        return train(training)


def train(training: Training) -> bytes:
    """Train with ESPnet in this process; return every parameter's bits."""
    import torch
    from espnet2.tasks.asr import ASRTask

    class UsersTask(ASRTask):
        @classmethod
        def build_collate_fn(cls, args: Any, train: bool) -> Any:
            collate, batches = super().build_collate_fn(args, train), iter(range(10**6))

            def users_own(batch: Any) -> Any:
                if train and next(batches) == 2 and training.error is not None:
                    raise training.error
                time.sleep(training.pause)
                return collate(batch)

            return users_own

    data = training.folder.parent / "data"
    if not data.is_dir():
        subprocess.run([sys.executable, str(TINY / "make_data.py")], cwd=data.parent, check=True)
    epochs = 3 if training.resume else 500 if training.pause else 2
    command = [
        "--ngpu", "0", "--config", str(TINY / "asr.yaml"), "--use_preprocessor", "true", "--token_type", "char",
        "--token_list", str(data / "tokens.txt"), "--output_dir", str(training.folder), "--resume", "true",
        "--max_epoch", str(epochs), "--num_att_plot", "0",
    ]  # fmt: skip
    for split, folder in (("train", data / "train_sp"), ("valid", data / "dev")):
        command += [
            f"--{split}_data_path_and_name_and_type", f"{folder}/wav.scp,speech,sound",
            f"--{split}_data_path_and_name_and_type", f"{folder}/text,text,text", f"--{split}_shape_file", f"{folder}/wav.scp",
        ]  # fmt: skip
    UsersTask.main(cmd=command)
    weights = torch.load(training.folder / f"{epochs}epoch.pth")
    return b"".join(weights[name].numpy().tobytes() for name in sorted(weights))


def elsewhere(folder: Path) -> bytes:
    """Train in a process without us."""
    with tempfile.TemporaryDirectory() as place:
        result = Path(place, "weights")
        subprocess.run([sys.executable, "-W", "ignore", __file__, str(folder), str(result)], check=True)
        return result.read_bytes()


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(train(Training(Path(sys.argv[1]))))
