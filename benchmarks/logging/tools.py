"""The tools that are compared: how each begins, logs one step, and is read back from disk as a new process would.

Each logs the same five scalars per step, offline or into a local file, with its default settings except that nothing is
uploaded and nothing is asked of the network.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Log = Callable[[int], None]
NAMES = ("train/loss", "train/loss_ctc", "train/grad_norm", "train/learning_rate", "train/audio_seconds_per_second")


def scalars(step: int) -> dict[str, float]:
    """The five numbers of a step, new objects each time, as in a training."""
    return {name: (step + 1) * factor for name, factor in zip(NAMES, (0.5, 0.25, 1.5, 1e-5, 31.0), strict=True)}


class Tool:
    """A tool that logs.

    Attributes:
        title: its name in the tables.
        needs: the module without which it is "not installed".
        slow: whether a log call takes milliseconds, so that fewer are made.
    """

    title: str
    needs: str
    slow = False

    def start(self, folder: Path) -> Log:
        """Begin a run that keeps everything under `folder`; return what logs one step."""
        raise NotImplementedError

    def finish(self) -> None:
        """End the run."""

    def read(self, folder: Path) -> int:
        """Return the number of steps that are in `folder`, read as it lies there."""
        raise NotImplementedError


class Ours(Tool):
    title, needs = "speech-tracker, local", "speech_tracker"
    mode = "local"

    def start(self, folder: Path) -> Log:
        import speech_tracker

        os.environ["SPEECH_TRACKER_SILENT"] = "1"
        self.run = speech_tracker.init("bench", id="bench", store=folder, mode=self.mode, capture_environment=False)  # type: ignore[arg-type]
        log = self.run.log_metrics
        return lambda step: log(scalars(step), step=step)

    def finish(self) -> None:
        self.run.finish(timeout=60)

    def read(self, folder: Path) -> int:
        from speech_tracker.view import RunView

        return len(RunView.read(folder / "runs" / "bench").history(NAMES[0]))


class OursOnline(Ours):
    """With W&B's worker beside it, which sends to the server in WANDB_BASE_URL."""

    title, needs = "speech-tracker, online", "wandb"
    mode = "online"


class WandbOffline(Tool):
    title, needs = "wandb, offline", "wandb"

    def start(self, folder: Path) -> Log:
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        self.run = wandb.init(project="bench", dir=str(folder), mode="offline", settings=wandb.Settings(silent=True))
        log = self.run.log
        return lambda step: log(scalars(step))

    def finish(self) -> None:
        self.run.finish()

    def read(self, folder: Path) -> int:
        """Count history records in its file, up to where that ends or is torn."""
        from wandb.proto import wandb_internal_pb2

        found = 0
        for path in folder.glob("wandb/offline-run-*/*.wandb"):
            for data in _wandb_records(path.read_bytes()):
                record = wandb_internal_pb2.Record()
                record.ParseFromString(data)
                found += record.WhichOneof("record_type") == "history"
        return found


def _wandb_records(data: bytes) -> Iterator[bytes]:
    """Yield the whole records of a ``.wandb`` file: a header of 7 bytes, then blocks as in LevelDB's log."""
    position, parts = 7, b""
    while position + 7 <= len(data):
        left = 32768 - position % 32768
        if left < 7:  # too little of the block for another header
            position += left
            continue
        size, kind = int.from_bytes(data[position + 4 : position + 6], "little"), data[position + 6]
        piece = data[position + 7 : position + 7 + size]
        if kind not in (1, 2, 3, 4) or len(piece) < size:
            return
        parts = piece if kind in (1, 2) else parts + piece
        if kind in (1, 4):
            yield parts
        position += 7 + size


class Mlflow(Tool):
    title, needs, slow = "MLflow, sqlite", "mlflow", True

    def start(self, folder: Path) -> Log:
        import mlflow

        folder.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("bench")
        mlflow.start_run()
        return lambda step: mlflow.log_metrics(scalars(step), step=step)

    def finish(self) -> None:
        import mlflow

        mlflow.end_run()

    def read(self, folder: Path) -> int:
        import sqlite3

        with sqlite3.connect(folder / "mlflow.db") as database:
            return int(database.execute("select count(*) from metrics where key = ?", (NAMES[0],)).fetchone()[0])


class TensorBoard(Tool):
    title, needs = "TensorBoard (torch)", "torch.utils.tensorboard"

    def start(self, folder: Path) -> Log:
        from torch.utils.tensorboard import SummaryWriter

        return self._with(SummaryWriter(str(folder)))

    def _with(self, writer: Any) -> Log:
        self.writer = writer

        def log(step: int) -> None:
            for name, value in scalars(step).items():
                writer.add_scalar(name, value, step)

        return log

    def finish(self) -> None:
        self.writer.close()

    def read(self, folder: Path) -> int:
        """Count whole records of the event files (length, checksum of it, data, checksum of it)."""
        found = 0
        for path in folder.glob("events.out.tfevents.*"):
            data, position = path.read_bytes(), 0
            while position + 12 <= len(data):
                size = int.from_bytes(data[position : position + 8], "little")
                if position + size + 16 > len(data):
                    break
                found += NAMES[0].encode() in _tag(data[position + 12 : position + 12 + size])
                position += size + 16
        return found


def _tag(event: bytes) -> bytes:
    # the tag is followed by another field, so that "train/loss" is not found in "train/loss_ctc"
    return event if NAMES[0].encode() + b"_" not in event else b""


class TensorBoardX(TensorBoard):
    title, needs = "tensorboardX", "tensorboardX"

    def start(self, folder: Path) -> Log:
        from tensorboardX import SummaryWriter

        return self._with(SummaryWriter(str(folder)))


class Trackio(Tool):
    title, needs = "trackio", "trackio"

    def start(self, folder: Path) -> Log:
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["TRACKIO_DIR"] = str(folder)
        import trackio

        trackio.init(project="bench", name="bench", embed=False, resume="never")
        return lambda step: trackio.log(scalars(step), step=step)

    def finish(self) -> None:
        import trackio

        trackio.finish()

    def read(self, folder: Path) -> int:
        import sqlite3

        found = 0
        for path in folder.glob("**/bench.db"):
            with sqlite3.connect(path) as database:
                found += int(database.execute("select count(*) from metrics").fetchone()[0])
        return found


class Bare(Tool):
    """The least that any of them could do."""

    title, needs = "bare orjson + os.write", "orjson"

    def start(self, folder: Path) -> Log:
        import orjson

        folder.mkdir(parents=True, exist_ok=True)
        self.fd = fd = os.open(folder / "log.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        write, dumps = os.write, orjson.dumps
        return lambda step: (write(fd, dumps({"step": step, "values": scalars(step)}) + b"\n"), None)[1]

    def finish(self) -> None:
        os.close(self.fd)

    def read(self, folder: Path) -> int:
        return (folder / "log.jsonl").read_bytes().count(b"\n")


TOOLS: dict[str, type[Tool]] = {
    "ours": Ours,
    "ours-online": OursOnline,
    "wandb": WandbOffline,
    "mlflow": Mlflow,
    "tensorboard": TensorBoard,
    "tensorboardx": TensorBoardX,
    "trackio": Trackio,
    "bare": Bare,
}


def installed(name: str) -> bool:
    """Return whether the tool can be imported by this Python."""
    try:
        if importlib.util.find_spec(TOOLS[name].needs) is None:
            return False
        if name == "tensorboard":  # torch has the module also where the library behind it is missing
            return importlib.util.find_spec("tensorboard") is not None
    except ImportError:
        return False
    return True
