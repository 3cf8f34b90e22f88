"""The ESPnet adapter, with real trainings and a real decoding, started as the recipes start them."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from speech_tracker.view import RunView

# looked for, not imported: the trainings run in processes of their own
pytestmark = pytest.mark.skipif(importlib.util.find_spec("espnet2") is None, reason="espnet2 is not installed")

TINY = Path(__file__).parent / "espnet_tiny"
WRAPPER = ("-m", "speech_tracker.integrations.espnet")
DATA = (
    "--ngpu", "0", "--config", str(TINY / "asr.yaml"), "--use_preprocessor", "true", "--token_type", "char",
    "--token_list", "data/tokens.txt",
    "--train_data_path_and_name_and_type", "data/train_sp/wav.scp,speech,sound",
    "--train_data_path_and_name_and_type", "data/train_sp/text,text,text",
    "--valid_data_path_and_name_and_type", "data/dev/wav.scp,speech,sound",
    "--valid_data_path_and_name_and_type", "data/dev/text,text,text",
    "--train_shape_file", "data/train_sp/wav.scp", "--valid_shape_file", "data/dev/wav.scp",
)  # fmt: skip


def variables(folder: Path, **more: str) -> dict[str, str]:
    found = {**os.environ, "SPEECH_TRACKER_MODE": "local", "SPEECH_TRACKER_DIR": str(folder / "store"), **more}
    found["OMP_NUM_THREADS"] = "1"
    found.pop("PYTHONDONTWRITEBYTECODE", None)  # to compile ESPnet takes three times as long as to train here
    return found


def python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=variables(folder, **environment),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def train(folder: Path, *options: str, wrapper: tuple[str, ...] = WRAPPER, output: str = "exp/asr", **environment: str):
    arguments = ("-m", "espnet2.bin.asr_train", *DATA, "--output_dir", output, "--resume", "true", *options)
    return python(folder, *wrapper, *arguments, **environment)


def only_run(folder: Path) -> RunView:
    (found,) = (folder / "store" / "runs").iterdir()
    return RunView.read(found)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("espnet")
    assert python(folder, str(TINY / "make_data.py")).returncode == 0
    # as transcribers write; the scoring stage of the recipes cleans the references, and both sides of such symbols
    text = folder / "data/test_low/text"
    rows = [line.split(" ", 1) for line in text.read_text().splitlines()]
    text.write_text("".join(f"{key} ({words.lower()}) noise\n" for key, words in rows))
    (folder / "data/nlsyms.txt").write_text("NOISE\n")
    return folder


@pytest.fixture(scope="module")
def trained(made: Path) -> Path:
    """Two epochs, then a third after a restart, then a test set decoded by two jobs."""
    for epochs in ("2", "3"):
        done = train(
            made, "--max_epoch", epochs, "--num_att_plot", "1" if epochs == "2" else "0",
            "--cleaner", "tacotron", "--non_linguistic_symbols", "data/nlsyms.txt",
            "--use_wandb", "true", "--wandb_project", "digits", "--wandb_name", "tiny",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        assert "was skipped" not in done.stderr
    log = made / "exp/asr/decode_b2/test_low/logdir"
    log.mkdir(parents=True)
    lines = (made / "data/test_low/wav.scp").read_text().splitlines()
    for job, part in ((1, lines[:2]), (2, lines[2:])):
        (log / f"keys.{job}.scp").write_text("".join(f"{line}\n" for line in part))
    for job in ("1", "2"):
        done = python(
            made, *WRAPPER, "-m", "espnet2.bin.asr_inference", "--ngpu", "0", "--data_path_and_name_and_type",
            "data/test_low/wav.scp,speech,sound", "--key_file", str(log / f"keys.{job}.scp"), "--asr_train_config",
            "exp/asr/config.yaml", "--asr_model_file", "exp/asr/valid.acc.ave.pth", "--output_dir", str(log / f"output.{job}"),
            "--beam_size", "2", "--ctc_weight", "0.3", "--maxlenratio", "-6",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        assert "was skipped" not in done.stderr, done.stderr[-3000:]
    return made


def test_a_resumed_training_is_one_run_with_every_epoch_once(trained: Path) -> None:
    view = only_run(trained)
    assert view.status == "finished"
    assert view.problems == []
    assert [(point["step"], point["epoch"]) for point in view.history("valid/loss")] == [(3, 1), (6, 2), (9, 3)]
    assert [point["step"] for point in view.history("train/loss")] == list(range(1, 10))
    assert [point["step"] for point in view.history("train/loss_epoch")] == [3, 6, 9]
    assert [record.data for record in view.records("rewind")] == [{"step": 6, "epoch": 2}]


def test_names_and_units_are_ours_and_teacher_forced_rates_are_called_so(trained: Path) -> None:
    metrics = only_run(trained).metrics
    steps = {"train/loss", "train/learning_rate", "train/gradient_norm"}
    assert steps | {f"{name}_epoch" for name in steps} | {"valid/accuracy", "valid/cer_ctc"} <= set(metrics)
    assert "valid/wer_teacher_forced" in metrics
    assert "valid/wer" not in metrics
    assert not [name for name in metrics if name.startswith("system/gpu_max")]  # trained without CUDA
    assert 0 <= metrics["valid/accuracy"]["last"] <= 1


def test_the_vocabulary_is_lifted_from_the_configuration(trained: Path) -> None:
    speech = only_run(trained).speech
    assert (speech["task"], speech["toolkit"]) == ("asr", "espnet")
    assert speech["model"]["encoder"] == "transformer"
    assert speech["model"]["token_type"] == "char"
    assert speech["model"]["parameters"] > 1000
    assert speech["features"] == {
        "type": "fbank", "sample_rate": 16000, "n_mels": 24, "n_fft": 400, "window_ms": 25.0, "hop_ms": 10.0,
        "normalization": "utterance_mvn",
    }  # fmt: skip
    assert speech["augmentation"]["spec_augment"] is True
    assert speech["augmentation"]["speed_perturbation"] == [0.9, 1.0, 1.1]
    assert speech["training"]["ctc_weight"] == 0.4


def test_checkpoints_follow_the_folder_and_the_best_is_by_the_recipes_criterion(trained: Path) -> None:
    view = only_run(trained)
    there = {path.name for path in (trained / "exp/asr").glob("*epoch.pth")}
    kept = [each for each in view.checkpoints if not each["deleted"]]
    assert {Path(each["path"]).name for each in kept if "epoch" in Path(each["path"]).name} >= there
    (best,) = [each for each in view.checkpoints if each["best"]]
    assert Path(best["path"]).name == (trained / "exp/asr/valid.acc.best.pth").resolve().name
    assert best["metadata"]["chosen_by"] == "valid acc max"


def test_attention_plots_are_kept(trained: Path) -> None:
    view = only_run(trained)
    figures = [record.data for record in view.records("figure")]
    assert figures
    assert all((view.folder / each["file"]).stat().st_size > 1000 for each in figures)


def test_jobs_of_a_decoding_join_the_run_and_the_last_one_scores_the_set_once(trained: Path) -> None:
    view = only_run(trained)
    evaluation, characters = view.evaluations
    assert [evaluation["unit"], characters["unit"]] == ["word", "char"]
    assert evaluation["test_set"] == "test_low"
    assert evaluation["counts"]["utterances"] == 4
    assert evaluation["counts"]["reference_length"] == 8
    assert evaluation["decoding"]["beam_size"] == 2
    assert {row["speaker_id"] for row in evaluation["speakers"]} == {"t0", "t1"}
    jobs = [event["data"] for event in view.events if event["name"] == "decoded"]
    assert [job["utterances"] for job in jobs] == [2, 2]
    assert all(0 < job["rtf"] < 50 and job["audio_seconds"] == pytest.approx(1.6) for job in jobs)
    assert evaluation["metadata"]["rtf"] == pytest.approx(sum(job["seconds"] for job in jobs) / 3.2)
    assert {word for row in evaluation["worst"] for word, _ in row["alignment"] if word} <= {"DO", "MI", "SOL"}
    assert {segment["role"] for segment in view.segments()} == {"main", "attached"}


def test_helper_commands_run_as_python_runs_them_and_make_no_run(tmp_path: Path) -> None:
    version = python(tmp_path, *WRAPPER, "-c", "import sys; print(sys.argv)", "x")
    assert version.stdout == "['-c', 'x']\n"
    assert version.stderr == ""
    module = python(tmp_path, *WRAPPER, "-m", "json.tool", "--help")
    assert module.stdout == python(tmp_path, "-m", "json.tool", "--help").stdout
    assert not (tmp_path / "store").exists()


def test_the_wrapper_itself_imports_neither_espnet_nor_torch(tmp_path: Path) -> None:
    code = "import sys, speech_tracker.integrations.espnet.__main__; print(sorted({'torch', 'espnet2', 'numpy'} & set(sys.modules)))"
    assert python(tmp_path, "-c", code).stdout == "[]\n"


def test_a_rank_that_multiprocessing_spawned_is_followed_too(made: Path, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(made / "data")
    script = tmp_path / "espnet2_spawned.py"
    script.write_text(
        "import sys, torch\n"
        "import speech_tracker.integrations.espnet as st\n"
        "st.install(project='spawned')\n"
        "from espnet2.tasks.asr import ASRTask\n"
        "from espnet2.train.distributed_utils import resolve_distributed_mode\n"
        "if __name__ == '__main__':\n"
        "    args = ASRTask.get_parser().parse_args(sys.argv[1:])\n"
        "    args.version = 'x'; resolve_distributed_mode(args)\n"
        "    child = torch.multiprocessing.get_context('spawn').Process(target=ASRTask.main_worker, args=(args,))\n"
        "    child.start(); child.join(); sys.exit(child.exitcode)\n"
    )
    done = python(tmp_path, str(script), *DATA, "--output_dir", "exp/asr", "--max_epoch", "1", "--num_att_plot", "0")
    assert done.returncode == 0, done.stderr[-3000:]
    view = only_run(tmp_path)
    assert (view.identity["project"], view.status) == ("spawned", "finished")
    assert view.metrics["valid/loss"]["count"] == 1


@pytest.fixture(scope="module")
def again(made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder that was trained in twice, the second time from nothing, and what was said."""
    folder = tmp_path_factory.mktemp("again")
    (folder / "data").symlink_to(made / "data")
    done = python(folder, str(TINY / "again.py"), *DATA)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done.stderr


def test_a_training_that_begins_from_nothing_hides_what_was_trained_in_the_folder_before(
    again: tuple[Path, str],
) -> None:
    view = only_run(again[0])
    assert view.status == "finished"
    assert [(point["step"], point["epoch"]) for point in view.history("valid/loss")] == [(3, 1)]
    assert [point["step"] for point in view.history("train/loss")] == [1, 2, 3]
    assert [event["name"] for event in view.events] == ["restarted"]


def test_what_cannot_be_understood_of_a_configuration_is_said_and_the_curves_are_recorded(
    again: tuple[Path, str],
) -> None:
    assert again[1].count("was skipped; the training goes on") == 2  # the description and the sizes of the data
    assert only_run(again[0]).config["frontend_conf"]["fs"] == "16 kb"


def test_espnets_own_wandb_switch_works_where_ours_is_off(again: tuple[Path, str]) -> None:
    pytest.importorskip("wandb")
    assert list((again[0] / "exp/off/wandb").glob("offline-run-*"))


@pytest.fixture(scope="module")
def tasks(made: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunView]:
    """One epoch each of other tasks, by the name of their output folder."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "data").symlink_to(made / "data")
    done = python(folder, str(TINY / "other_tasks.py"))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "was skipped" not in done.stderr, done.stderr[-3000:]
    views = [RunView.read(each) for each in (folder / "store" / "runs").iterdir()]
    return {str(view.identity["name"]): view for view in views}


@pytest.mark.parametrize(("output", "task"), [("lm", "lm"), ("tts", "tts"), ("st", "st"), ("se", "se"), ("ez", "asr")])
def test_other_tasks_and_espnetez_are_followed_by_the_same_hooks(
    tasks: dict[str, RunView], output: str, task: str
) -> None:
    view = tasks[output]
    assert (view.identity["task"], view.speech["task"], view.status) == (task, task, "finished")
    assert view.identity["project"] == "tasks"
    assert view.metrics["valid/loss"]["count"] == 1
    assert view.metrics["train/loss"]["count"] >= 1
    assert view.speech["model"]["parameters"] > 100
    assert view.problems == []


def test_the_model_of_each_task_is_named(tasks: dict[str, RunView]) -> None:
    kinds = {name: view.speech["model"]["type"] for name, view in tasks.items()}
    assert kinds == {"lm": "seq_rnn", "tts": "tacotron2", "st": "transformer", "se": "stft", "ez": "transformer"}


def test_the_perplexity_of_a_language_model_joins_its_training(tasks: dict[str, RunView]) -> None:
    (evaluation,) = tasks["lm"].evaluations
    assert evaluation["test_set"] == "dev"
    assert 1 < evaluation["metrics"]["perplexity"] < 100


def test_what_was_said_to_espnets_own_wandb_switch_is_said_to_ours_and_nothing_is_doubled(trained: Path) -> None:
    view = only_run(trained)
    assert (view.identity["project"], view.identity["name"]) == ("digits", "tiny")
    assert not (trained / "exp/asr/wandb").exists()


def test_an_average_names_the_checkpoints_that_it_was_made_of(trained: Path) -> None:
    view = only_run(trained)
    (average,) = [each for each in view.checkpoints if each.get("averaged_from")]
    assert Path(average["path"]).name == "valid.acc.ave_2best.pth"
    accuracy = {point["epoch"]: point["value"] for point in view.history("valid/accuracy")}
    best = sorted(accuracy, key=lambda epoch: -accuracy[epoch])[:2]
    assert [Path(path).name for path in average["averaged_from"]] == [f"{epoch}epoch.pth" for epoch in best]
    # made anew after the restart; ESPnet has deleted what the new one is not made of
    assert {path.name for path in (trained / "exp/asr").glob("*epoch.pth")} == {
        f"{epoch}epoch.pth" for epoch in {*best, 3}
    }


def test_sigterm_under_slurm_is_preempted_and_the_training_dies_of_it(made: Path, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(made / "data")
    with subprocess.Popen(
        [
            sys.executable,
            *WRAPPER,
            "-m",
            "espnet2.bin.asr_train",
            *DATA,
            "--output_dir",
            "exp/asr",
            "--max_epoch",
            "500",
            "--num_att_plot",
            "0",
        ],
        cwd=tmp_path,
        env=variables(tmp_path, SLURM_JOB_ID="7"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:  # reading until the third epoch is over, no sleeping
            if "3epoch results" in line:
                break
        running.send_signal(signal.SIGTERM)
        running.stderr.read()
        assert running.wait(600) == -signal.SIGTERM
    view = only_run(tmp_path)
    assert view.status == "preempted"
    assert view.metrics["valid/loss"]["count"] >= 3
