"""The Lightning callback in real trainings, in both packages."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning.pytorch")
pytest.importorskip("pytorch_lightning")  # the callback is for both, where both were imported before it

from torch.utils.data import DataLoader, Dataset  # noqa: E402

import speech_tracker  # noqa: E402
from speech_tracker.integrations.lightning import SpeechTrackerCallback  # noqa: E402
from speech_tracker.testing.capture import Captured, capture  # noqa: E402
from speech_tracker.testing.contract import AdapterContract, Training  # noqa: E402

pytestmark = [  # Lightning warns of few workers, of missing loggers, of folders that are there
    pytest.mark.filterwarnings("ignore:::lightning"),
    pytest.mark.filterwarnings("ignore:::pytorch_lightning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
]


class Tones(Dataset[dict[str, Any]]):
    """Short tones of four pitches, as features with a text; deterministic."""

    def __init__(self, number: int, name: str = "") -> None:
        generator = torch.Generator().manual_seed(number)
        self.features = torch.randn(number, 8, generator=generator)
        self.labels = torch.arange(number) % 4
        self.name = name
        self.hours = number / 3600

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {
            "features": self.features[index],
            "label": self.labels[index],
            "durations": 1.5,
            "id": f"utt{index:03d}",
            "speaker": f"s{index % 2}",
        }


WORDS = ["ab", "cab", "bad", "dab"]


def make_module(framework: Any, **hparams: Any) -> Any:
    """A recogniser of tones; built for either package, since a module has to be of the Trainer's own."""

    class Recogniser(framework.LightningModule):  # type: ignore[misc]
        def __init__(self, lr: float = 0.05, n_mels: int = 8, sample_rate: int = 16000, **more: Any) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(n_mels, 16), torch.nn.Dropout(0.1), torch.nn.Linear(16, 4)
            )
            self.before_step: Any = None

        def _loss(self, batch: Any) -> Any:
            return torch.nn.functional.cross_entropy(self.layers(batch["features"]), batch["label"])

        def training_step(self, batch: Any, index: int) -> Any:
            if self.before_step is not None:
                self.before_step(self)
            loss = self._loss(batch)
            self.log("train/loss", loss, on_step=True, on_epoch=True)
            self.log("optim/scale", 1.0)
            return loss

        def on_train_epoch_end(self) -> None:
            self.log("train_weight_norm", self.layers[0].weight.norm())

        def _evaluate(self, batch: Any, name: str) -> Any:
            self.log(f"{name}/loss", self._loss(batch))
            found = self.layers(batch["features"]).argmax(-1)
            return {
                "hyps": [WORDS[each] for each in found],
                "refs": [WORDS[each] for each in batch["label"]],
                "ids": batch["id"],
                "speakers": batch["speaker"],
            }

        def validation_step(self, batch: Any, index: int, dataloader_idx: int = 0) -> Any:
            return self._evaluate(batch, "val")

        def test_step(self, batch: Any, index: int, dataloader_idx: int = 0) -> Any:
            return self._evaluate(batch, "test")

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)]

    return Recogniser(**hparams)


def loader(number: int, name: str = "", **options: Any) -> Any:
    return DataLoader(Tones(number, name), batch_size=4, **options)


def make_trainer(folder: Path, *callbacks: Any, framework: Any = lightning, **options: Any) -> Any:
    settings: dict[str, Any] = {
        "max_epochs": 2, "accelerator": "cpu", "devices": 1, "logger": False, "log_every_n_steps": 1,
        "enable_progress_bar": False, "enable_model_summary": False, "default_root_dir": str(folder),
    }  # fmt: skip
    return framework.Trainer(**{**settings, **options}, callbacks=list(callbacks))


def saver(folder: Path, framework: Any = lightning, **options: Any) -> Any:
    settings = {"monitor": "val/loss", "save_top_k": 1, "save_last": True}
    return framework.callbacks.ModelCheckpoint(dirpath=folder / "checkpoints", **{**settings, **options})


def _tells_callbacks_of_checkpoints_for_tests() -> bool:
    from lightning.pytorch.trainer.connectors.checkpoint_connector import _CheckpointConnector

    return "FITTING" not in inspect.getsource(_CheckpointConnector._restore_modules_and_callbacks)


def weights_of(module: Any) -> bytes:
    return b"".join(value.detach().numpy().tobytes() for value in module.state_dict().values())


class TestLightning(AdapterContract):
    namespaces = __import__("re").compile(r"^(train|valid|test|optim)/\S+$")
    interrupt_raises = (SystemExit, KeyboardInterrupt)
    package = "lightning.pytorch"

    def tracker(self) -> Any:
        return SpeechTrackerCallback("tones", task="asr", log_gradient_norm=True)

    def train(self, training: Training) -> bytes:
        framework = importlib.import_module(self.package)
        torch.manual_seed(0)
        module = make_module(framework)

        def before_step(running: Any) -> None:
            if training.error is not None and running.global_step == 3:
                raise training.error
            __import__("time").sleep(training.pause)

        module.before_step = before_step
        epochs = 3 if training.resume else 10000 if training.pause else 2
        callbacks = [saver(training.folder, framework), *([self.tracker()] if training.tracked else [])]
        trainer = make_trainer(training.folder, *callbacks, framework=framework, max_epochs=epochs)
        again = training.folder / "checkpoints" / "last.ckpt"
        trainer.fit(module, loader(8), loader(8), ckpt_path=str(again) if training.resume else None)
        return weights_of(module)


@pytest.mark.skipif(importlib.util.find_spec("pytorch_lightning") is None, reason="pytorch_lightning is not installed")
class TestPytorchLightning(TestLightning):
    """The same with the other package: its Trainer takes the callback, whichever package that was made for."""

    package = "pytorch_lightning"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    """A training with two validation sets, then a test of its best checkpoint on two sets."""
    folder = tmp_path_factory.mktemp("whole training")
    with capture(folder) as captured:
        torch.manual_seed(0)
        callback = SpeechTrackerCallback(
            "tones", task="asr", name="first", languages="en", log_gradient_norm=True, test_names=["clean", "noisy"]
        )
        early = lightning.callbacks.EarlyStopping("val/loss/dataloader_idx_0", patience=1, min_delta=100.0)
        best = saver(folder, monitor="val/loss/dataloader_idx_0")
        trainer = make_trainer(folder, early, best, callback, max_epochs=6)
        trainer.fit(make_module(lightning), loader(8), {"dev-clean": loader(8), "dev-other": loader(12)})
        trainer.test(ckpt_path="best", dataloaders=[loader(8), loader(12)], verbose=False)
    return captured


def test_hyperparameters_and_what_they_say_of_speech_are_recorded(whole: Captured) -> None:
    config, speech = whole.run.config, whole.run.speech
    assert (config["lr"], config["n_mels"], config["trainer"]["max_epochs"]) == (0.05, 8, 6)
    assert speech["features"] == {"sample_rate": 16000, "n_mels": 8}
    assert speech["training"]["optimizer"] == "sgd"
    assert speech["training"]["learning_rate"] == 0.05
    assert speech["training"]["schedule"] == "StepLR"
    assert speech["training"]["batch_size"] == 4
    assert speech["model"]["parameters"] == speech["model"]["trainable_parameters"] == 8 * 16 + 16 + 16 * 4 + 4
    assert speech["data"]["train_utterances"] == 8
    assert speech["toolkit_version"] == lightning.__version__


def test_the_loaders_of_every_stage_are_recorded(whole: Captured) -> None:
    config = whole.run.config
    assert config["train_loaders"]["train"]["utterances"] == 8
    assert list(config["valid_loaders"]) == ["dev-clean", "dev-other"]
    assert config["valid_loaders"]["dev-other"] == {
        "dataset": "Tones", "utterances": 12, "batches": 3, "batch_size": 4, "workers": 0, "sampler": "SequentialSampler"
    }  # fmt: skip
    sets = {(each["name"], each["split"]): each for each in whole.run.datasets}
    assert sets["noisy", "test/noisy"]["utterances"] == 12
    assert sets["train", "train"]["hours"] == 8 / 3600


def test_metrics_of_several_loaders_carry_the_names_of_the_loaders(whole: Captured) -> None:
    names = set(whole.run.metrics)
    wanted = {
        "train/loss", "train/loss_epoch", "train/weight_norm", "train/learning_rate", "train/gradient_norm",
        "train/audio_seconds_per_second", "train/updates_per_second", "train/epoch_seconds", "optim/scale",
        "valid/dev-clean/loss", "valid/dev-other/loss", "valid/dev-clean/wer", "valid/dev-other/cer",
        "test/clean/loss", "test/noisy/wer",
    }  # fmt: skip
    assert wanted <= names
    assert not [name for name in names if "dataloader_idx" in name or name.endswith("_step")]


def test_what_is_drawn_against_steps_is_what_was_measured_there(whole: Captured) -> None:
    run = whole.run
    assert [point["step"] for point in run.history("train/loss")] == [1, 2, 3, 4]
    assert [point["epoch"] for point in run.history("train/loss")] == [0.5, 1, 1.5, 2]
    # the rate with which the step was made, not the one that the schedule set after it
    assert [point["value"] for point in run.history("train/learning_rate")] == [0.05, 0.05, 0.025, 0.025]
    for epoch, (mean, steps) in enumerate(zip(run.history("train/loss_epoch"), ((0, 1), (2, 3)), strict=True), start=1):
        values = [run.history("train/loss")[step]["value"] for step in steps]
        assert mean["value"] == pytest.approx(sum(values) / 2)
        assert mean["epoch"] == epoch
    assert [point["step"] for point in run.history("valid/dev-clean/loss")] == [2, 4]  # none of the sanity check's


def test_what_the_steps_return_becomes_evaluations_with_speakers(whole: Captured) -> None:
    tests = [each for each in whole.run.evaluations if each["metadata"]["stage"] == "test"]
    assert [(each["test_set"], each["unit"]) for each in tests] == [
        ("clean", "word"), ("clean", "char"), ("noisy", "word"), ("noisy", "char")
    ]  # fmt: skip
    noisy = tests[2]
    assert noisy["counts"]["utterances"] == noisy["reference_length"] == 12
    assert [each["speaker_id"] for each in sorted(noisy["speakers"], key=lambda row: row["speaker_id"])] == ["s0", "s1"]
    assert noisy["checkpoint"] == next(each["path"] for each in whole.run.checkpoints if each["best"])
    assert (whole.run.folder / noisy["file"]).is_file()
    assert whole.run.metrics["test/noisy/wer"]["last"] == noisy["wer"]


def test_checkpoints_are_recorded_as_they_come_and_go(whole: Captured) -> None:
    records = [(Path(each["path"]).name, each["action"]) for each in whole.records("checkpoint")]
    assert records[:3] == [("epoch=0-step=2.ckpt", "saved"), ("epoch=0-step=2.ckpt", "best"), ("last.ckpt", "saved")]
    assert ("last.ckpt", "replaced") in records
    for each in whole.run.checkpoints:
        assert Path(each["path"]).exists() != each["deleted"]
    best = [each for each in whole.run.checkpoints if each["best"]]
    assert len(best) == 1
    losses = [point["value"] for point in whole.run.history("valid/dev-clean/loss")]
    assert best[0]["metrics"] == {"valid/dev-clean/loss": min(losses)}


def test_an_early_stop_is_recorded(whole: Captured) -> None:
    stops = [each["data"] for each in whole.run.events if each["name"] == "early-stop"]
    assert [(each["patience"], each["epoch"]) for each in stops] == [(1, 2)]
    assert whole.run.status == "finished"


def test_one_validation_is_not_given_the_values_of_another(tmp_path: Path) -> None:
    """A name that training and validation share, and values that only some epochs log, stay where they belong."""

    class Shared(type(make_module(lightning))):  # type: ignore[misc]
        def training_step(self, batch: Any, index: int) -> Any:
            loss = self._loss(batch)
            self.log("loss", loss, on_step=True, on_epoch=False)
            if self.current_epoch == 0:
                self.log("first_epoch_only", 1.0, on_step=False, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("loss", torch.tensor(100.0))

    with capture(tmp_path) as captured:
        trainer = make_trainer(tmp_path, SpeechTrackerCallback("tones"), enable_checkpointing=False, max_epochs=3)
        trainer.fit(Shared(), loader(8), loader(4))
    run = captured.run
    assert {point["value"] for point in run.history("valid/loss")} == {100.0}
    assert all(point["value"] < 100.0 for point in run.history("train/loss"))
    assert [point["epoch"] for point in run.history("train/first_epoch_only_epoch")] == [1]


def test_resuming_supersedes_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    with capture(tmp_path) as captured:
        first = make_trainer(tmp_path, saver(tmp_path, save_top_k=-1), SpeechTrackerCallback("tones"))
        first.fit(make_module(lightning), loader(8), loader(8))
    checkpoint = next((tmp_path / "checkpoints").glob("epoch=0*.ckpt"))
    with capture(tmp_path) as captured:
        again = make_trainer(tmp_path, SpeechTrackerCallback("tones"), enable_checkpointing=False)
        again.fit(make_module(lightning), loader(8), loader(8), ckpt_path=str(checkpoint))
    run = captured.run
    assert [record.data for record in run.records("rewind")] == [{"step": 2}]
    assert {record.segment for record in run.journal.superseded} == {"0001-rank0"}
    assert {record.data["step"] for record in run.journal.superseded} == {3, 4}
    assert [point["step"] for point in run.history("train/loss")] == [1, 2, 3, 4]
    assert [each["data"]["checkpoint"] for each in run.events if each["name"] == "resumed"] == [str(checkpoint)]


def test_resume_never_begins_a_run_that_is_linked_to_the_first(tmp_path: Path) -> None:
    with capture(tmp_path) as captured:
        make_trainer(tmp_path, saver(tmp_path), SpeechTrackerCallback("tones")).fit(make_module(lightning), loader(8))
    first = captured.run
    with capture(tmp_path) as captured:
        callback = SpeechTrackerCallback("tones", resume="never")
        again = make_trainer(tmp_path, callback, enable_checkpointing=False, max_epochs=3)
        again.fit(make_module(lightning), loader(8), ckpt_path=str(tmp_path / "checkpoints" / "last.ckpt"))
    runs = captured.runs
    assert runs[0].id == first.id
    assert [run.links for run in runs] == [[], [{"run": first.id, "relation": "continues"}]]


def test_a_test_in_a_later_process_goes_into_the_run_of_its_checkpoint(tmp_path: Path) -> None:
    with capture(tmp_path) as captured:
        make_trainer(tmp_path, saver(tmp_path), SpeechTrackerCallback("tones")).fit(make_module(lightning), loader(8))
    config = captured.run.config
    with capture(tmp_path) as captured:
        trainer = make_trainer(tmp_path, SpeechTrackerCallback("tones"))
        trainer.test(
            make_module(lightning), loader(8), ckpt_path=str(tmp_path / "checkpoints" / "last.ckpt"), verbose=False
        )
    run = captured.run
    evaluation = next(each for each in run.evaluations if each["unit"] == "word")
    assert evaluation["test_set"] == "test"
    if _tells_callbacks_of_checkpoints_for_tests():
        assert (evaluation["step"], evaluation["epoch"]) == (4, 2)
    else:  # unknown is better than wrong
        assert "step" not in evaluation
    assert run.history("train/loss")[-1]["step"] == 4  # nothing of the training is superseded
    assert {**run.config, "test_loaders": None} == {**config, "test_loaders": None}


def test_an_experiment_folder_continues_its_run_without_a_checkpoint(tmp_path: Path) -> None:
    for _ in range(2):
        with capture(tmp_path) as captured:
            callback = SpeechTrackerCallback("tones", experiment_folder=tmp_path / "exp")
            make_trainer(tmp_path, callback, enable_checkpointing=False).fit(make_module(lightning), loader(8))
    run = captured.run
    assert [each["name"] for each in run.events] == ["restarted"]
    assert [point["step"] for point in run.history("train/loss")] == [1, 2, 3, 4]


def test_every_new_training_is_a_run_of_its_own(tmp_path: Path) -> None:
    """Folds with one callback, trainings with a callback each: without a checkpoint nothing is continued."""
    with capture(tmp_path) as captured:
        shared = SpeechTrackerCallback("tones")
        for callback in (shared, shared, SpeechTrackerCallback("tones")):
            trainer = make_trainer(tmp_path, callback, saver(tmp_path))
            trainer.fit(make_module(lightning), loader(8))
    assert [run.status for run in captured.runs] == ["finished"] * 3
    assert [len(run.history("train/loss")) for run in captured.runs] == [4, 4, 4]


def test_a_run_of_the_users_is_joined_and_not_ended(tmp_path: Path) -> None:
    with capture(tmp_path) as captured:
        run = speech_tracker.init("mine")
        make_trainer(tmp_path, SpeechTrackerCallback(), enable_checkpointing=False).fit(
            make_module(lightning), loader(8)
        )
        assert run.status == "running"
        run.finish()
    assert captured.run.history("train/loss")


def test_a_checkpoint_saved_because_of_an_exception_is_recorded(tmp_path: Path) -> None:
    on_exception = lightning.callbacks.OnExceptionCheckpoint(tmp_path / "checkpoints")
    module = make_module(lightning)

    def fail(running: Any) -> None:
        if running.global_step == 2:
            raise ValueError("a bad batch")

    module.before_step = fail
    with capture(tmp_path) as captured, pytest.raises(ValueError, match="a bad batch"):
        make_trainer(tmp_path, SpeechTrackerCallback("tones"), on_exception).fit(module, loader(8))
    run = captured.run
    assert run.status == "failed"
    assert [Path(each["path"]).name for each in run.checkpoints] == ["on_exception.ckpt"]
    raised = next(each["data"] for each in run.events if each["name"] == "exception")
    assert raised["type"] == "ValueError"
    assert "before_step" in raised["traceback"]


def test_a_fast_development_run_leaves_no_record(tmp_path: Path) -> None:
    with capture(tmp_path) as captured:
        make_trainer(tmp_path, SpeechTrackerCallback("tones"), fast_dev_run=True).fit(make_module(lightning), loader(8))
    assert captured.runs == []


@pytest.mark.expects_swallowed
def test_outputs_that_do_not_fit_together_are_reported_and_change_nothing(tmp_path: Path) -> None:
    class Uneven(type(make_module(lightning))):  # type: ignore[misc]
        def validation_step(self, batch: Any, index: int) -> Any:
            return {"hyps": ["a", "b"], "refs": ["a"]}

    with capture(tmp_path) as captured:
        trainer = make_trainer(tmp_path, SpeechTrackerCallback("tones"), enable_checkpointing=False)
        trainer.fit(Uneven(), loader(8), loader(8))
    assert "differ in length" in str(captured.swallowed[0][1])
    assert captured.run.status == "finished"


@pytest.mark.expects_swallowed
def test_a_mistake_in_the_user_s_function_for_seconds_of_audio_costs_no_metric(tmp_path: Path) -> None:
    with capture(tmp_path) as captured:
        callback = SpeechTrackerCallback("tones", audio_seconds=lambda batch: batch["no such"], log_every_n_steps=1)
        make_trainer(tmp_path, callback, enable_checkpointing=False).fit(make_module(lightning), loader(8))
    assert isinstance(captured.swallowed[0][1], KeyError)
    assert captured.run.metrics["train/loss"]["count"] >= 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"task": "asrr"}, "unknown task"),
        ({"valid_names": "dev"}, "not a list of names"),
        ({"mode": "of line"}, "unknown mode"),
        ({"projct": "x"}, "projct"),
    ],
)
def test_wrong_arguments_are_refused_at_once(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        SpeechTrackerCallback(**arguments)


def test_a_wandb_logger_and_the_callback_share_one_wandb_run(tmp_path: Path) -> None:
    wandb = pytest.importorskip("wandb")
    with capture(tmp_path, mode="offline") as captured:
        logger = lightning.loggers.WandbLogger(project="tones", offline=True, save_dir=str(tmp_path / "wandb-home"))
        trainer = make_trainer(tmp_path, SpeechTrackerCallback("tones"), logger=logger, enable_checkpointing=False)
        trainer.fit(make_module(lightning), loader(8), loader(8))
        active = wandb.run
        assert active is not None
        assert active is logger.experiment
        assert captured.run.id == active.id
    folders = [each for each in (tmp_path / "wandb-home").rglob("offline-run-*") if each.is_dir()]
    assert len(folders) == 1


SCRIPT = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("tones", {file!r})
tones = importlib.util.module_from_spec(spec)
sys.modules["tones"] = tones
spec.loader.exec_module(tones)
tones.train_on_two_ranks({folder!r}, crash={crash!r})
"""


def train_on_two_ranks(folder: str, *, crash: bool) -> None:
    """What each of two processes runs: 10 utterances of validation, of which each rank has 5, one batch of 4 and of 1."""
    torch.manual_seed(0)
    module = make_module(lightning)

    def fail(running: Any) -> None:
        if crash and running.global_step == 1 and running.global_rank == 0:
            raise RuntimeError("rank 0 fails")

    module.before_step = fail
    callbacks = [saver(Path(folder)), SpeechTrackerCallback("tones", log_gradient_norm=True)]
    trainer = make_trainer(Path(folder), *callbacks, devices=2, strategy="ddp")
    trainer.fit(module, loader(16), loader(9))


@pytest.mark.parametrize("crash", [False, True])
def test_two_processes_are_one_run_without_duplicates(tmp_path: Path, crash: bool) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(file=__file__, folder=str(tmp_path), crash=crash))
    with capture(tmp_path) as captured:
        done = subprocess.run(
            [sys.executable, str(script)],
            check=False,
            capture_output=True,
            text=True,
            timeout=240,
            env=os.environ.copy(),
        )
    assert (done.returncode != 0) == crash, done.stderr[-3000:]
    run = captured.run
    assert run.status == ("failed" if crash else "finished")
    assert run.problems == []
    if crash:
        assert "rank 0 fails" in str(run.status_reason)
        return
    assert [segment["rank"] for segment in run.segments() if segment["records"] > 1] == [0]
    assert [point["step"] for point in run.history("train/loss")] == [1, 2, 3, 4]
    # 9 utterances; the sampler gives one of them to both ranks so that each has 5
    evaluation = next(each for each in run.evaluations if each["unit"] == "word")
    assert evaluation["counts"]["utterances"] == evaluation["reference_length"] == 9
    assert len(run.checkpoints) == len({each["path"] for each in run.checkpoints})
