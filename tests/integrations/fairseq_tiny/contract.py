"""The contract of all adapters, kept by Fairseq's: `test_fairseq_contract.py` has the pytest of Fairseq's environment run it."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from speech_tracker.testing.capture import Captured, capture
from speech_tracker.testing.contract import AdapterContract, Training

TINY = Path(__file__).resolve().parent
sys.path.insert(0, str(TINY))


class TestFairseq(AdapterContract):
    def tracker(self) -> Any:
        import on_new_python  # noqa: F401

        from speech_tracker.integrations.fairseq.live import install

        return install

    def train(self, training: Training) -> bytes:
        if not training.tracked:  # hooks stay for the life of a process
            return elsewhere(training.folder)
        return train(training)

    def test_control_c_is_killed(self, tmp_path: Path) -> None:
        run = self._send(signal.SIGINT, tmp_path)
        assert run.status == "killed"
        assert "KeyboardInterrupt" in str(run.status_reason)

    def test_what_was_lost_with_a_checkpoint_is_trained_and_recorded_again(self, tmp_path: Path) -> None:
        with capture(tmp_path), pytest.raises(KeyboardInterrupt):
            self.train(Training(tmp_path / "experiment", error=KeyboardInterrupt()))
        for path in (tmp_path / "experiment").glob("*.pt"):
            path.unlink()
        with capture(tmp_path) as captured:
            self.train(Training(tmp_path / "experiment"))
        assert captured.records("rewind") == [{"step": 0}]
        assert [point["step"] for point in captured.run.history("train/loss")] == [1, 2, 3, 4]
        assert captured.run.status == "finished"

    def test_a_link_to_nowhere_beside_the_checkpoints_changes_nothing(self, tmp_path: Path, untracked: bytes) -> None:
        folder = tmp_path / "experiment"
        folder.mkdir()
        (folder / "from.pt").symlink_to(tmp_path / "gone.pt")
        with capture(tmp_path) as captured:
            assert self.train(Training(folder)) == untracked
        assert {Path(each["path"]).name for each in captured.run.checkpoints} >= {
            "checkpoint2.pt",
            "checkpoint_last.pt",
        }
        assert captured.swallowed == []

    def test_a_recipe_s_own_modules_are_not_mistaken_for_ours(self, finished: tuple[Captured, bytes]) -> None:
        assert finished
        assert "speech_tracker_plugin" in sys.modules
        assert importlib.util.find_spec("results") is None


def train(training: Training) -> bytes:
    """Run ``fairseq-train`` in this process; return every weight's bits."""
    import on_new_python  # noqa: F401 - before anything of Fairseq's
    import torch
    from fairseq.optim.lr_scheduler import LR_SCHEDULER_REGISTRY, register_lr_scheduler
    from fairseq.optim.lr_scheduler.fixed_schedule import FixedLRSchedule, FixedLRScheduleConfig
    from fairseq_cli.train import cli_main

    import speech_tracker.integrations.fairseq

    if "users_own" not in LR_SCHEDULER_REGISTRY:

        @register_lr_scheduler("users_own", dataclass=FixedLRScheduleConfig)
        class UsersSchedule(FixedLRSchedule):
            """Fairseq handles some errors of models and tasks itself, but none of a schedule."""

            training: Training

            def step_update(self, num_updates: int) -> Any:
                if num_updates == 3 and self.training.error is not None:
                    raise self.training.error
                time.sleep(self.training.pause)
                return super().step_update(num_updates)

    LR_SCHEDULER_REGISTRY["users_own"].training = training
    data = training.folder.parent / "data"
    if not data.is_dir():
        subprocess.run([sys.executable, str(TINY / "make_data.py"), str(data)], check=True)
    epochs = 3 if training.resume else 500 if training.pause else 2
    plugin = Path(speech_tracker.integrations.fairseq.__file__).parent / "speech_tracker_plugin"
    command = [
        "fairseq-train", str(data), *(TINY / "options.txt").read_text().split(), "--save-dir", str(training.folder), "--lr-scheduler", "users_own",
        "--max-epoch", str(epochs), *(("--user-dir", str(plugin)) if training.tracked else ()),
    ]  # fmt: skip
    with patch.object(sys, "argv", command):
        cli_main()
    weights = torch.load(training.folder / "checkpoint_last.pt")["model"]
    # Fairseq saves a buffer of its position embeddings that it never initialises: it differs from run to run
    names = [name for name in sorted(weights) if not name.endswith("_float_tensor")]
    return b"".join(weights[name].numpy().tobytes() for name in names)


def elsewhere(folder: Path) -> bytes:
    """Train in a process without us."""
    with tempfile.TemporaryDirectory() as place:
        result = Path(place, "weights")
        subprocess.run([sys.executable, "-W", "ignore", __file__, str(folder), str(result)], check=True)
        return result.read_bytes()


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(train(Training(Path(sys.argv[1]), tracked=False)))
