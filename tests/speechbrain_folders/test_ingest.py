"""What a recipe leaves becomes a run: curves, evaluations with every utterance, checkpoints, data, how it ended."""

from __future__ import annotations

import subprocess
import sys

import pytest

from speech_tracker.cli import main


def history(view, name):
    return [(point["step"], point["epoch"], point["value"]) for point in view.history(name)]


def test_a_finished_training_becomes_a_run(finished, recipe, ingest, views):
    code, document, err = ingest(recipe)
    assert (code, err) == (0, "")
    (run,) = document["runs"]
    assert run["name"] == "crdnn/7"
    assert (run["kind"], run["iterations"], run["jobs"]) == ("crdnn", 4, {"total": 1, "failed": 0})
    assert run["compute_seconds"] == pytest.approx(4 * 600, abs=60)
    view = views()["crdnn/7"]
    assert view.status == "finished"
    assert view.identity["task"] == "asr"
    assert history(view, "train/loss_epoch") == [(1, 1, 10.0), (2, 2, 5.0), (3, 3, 3.33), (4, 4, 2.5)]
    assert history(view, "valid/wer") == [(1, 1, 1.0), (2, 2, 0.5), (3, 3, 0.3333), (4, 4, 0.25)]
    assert history(view, "train/learning_rate") == [(epoch, epoch, 0.01) for epoch in (1, 2, 3, 4)]
    assert history(view, "test/test-clean/loss") == [(4, 4, 1.25)]
    assert view.problems == []


def test_times_are_those_of_the_log_in_the_zone_that_the_checkpoints_tell(finished, made, recipe, ingest, views):
    ingest(recipe)
    view = views()["crdnn/7"]
    began = made.STARTED.timestamp() - made.ZONE_HOURS * 3600
    assert view.created_at == pytest.approx(began + 1.25)
    first = view.history("valid/loss")[0]["time"]
    assert first == pytest.approx(began + 600, abs=30)


def test_each_file_of_error_rates_is_an_evaluation_with_its_utterances_and_speakers(finished, recipe, ingest, views):
    _, document, _ = ingest(recipe)
    clean, other = document["runs"][0]["evaluations"]
    assert (clean["test_set"], other["test_set"]) == ("test-clean", "test-other")
    assert clean["best"]["wer"] == 3 / 9
    assert other["best"]["wer"] == 4 / 3
    recorded = {each["test_set"]: each for each in views()["crdnn/7"].evaluations}
    assert recorded["test-clean"]["counts"]["utterances"] == 3
    assert recorded["test-clean"]["wer"] == 3 / 9
    assert {each["speaker_id"] for each in recorded["test-clean"]["speakers"]} == {"spk1", "spk2"}
    assert recorded["test-other"]["counts"]["insertions"] == 2
    assert recorded["test-clean"]["decoding"] == {"beam_size": 20, "lm_weight": 0.5}
    assert recorded["test-clean"]["metadata"]["loss"] == 1.25
    assert recorded["test-clean"]["checkpoint"].endswith(
        max(each.name for each in (finished.folder / "save").iterdir())
    )
    assert (recorded["test-clean"]["step"], recorded["test-clean"]["epoch"]) == (4, 4)


def test_the_best_checkpoint_is_known_and_by_what(finished, recipe, ingest, views):
    ingest(recipe)
    checkpoints = views()["crdnn/7"].checkpoints
    assert [each["epoch"] for each in checkpoints] == [1, 2, 3, 4]
    (best,) = [each for each in checkpoints if each["best"]]
    assert (best["epoch"], best["metrics"]["valid/wer"]) == (4, 0.25)
    assert best["metadata"]["chosen_by"] == "min valid/wer"


def test_configuration_vocabulary_and_environment_are_recorded(finished, recipe, ingest, views):
    ingest(recipe)
    view = views()["crdnn/7"]
    assert view.config["enc"]["_tag"] == "!new:speechbrain.lobes.models.CRDNN.CRDNN"
    assert view.config["env_log"]["git_revision"] == "2400aed"
    assert view.config["recipe"]["file"] == "/home/who/recipe/hparams/train.yaml"
    speech = view.speech
    assert (speech["toolkit"], speech["toolkit_version"]) == ("speechbrain", "1.0.2")
    assert speech["model"]["type"] == "crdnn"
    assert (speech["model"]["parameters"], speech["model"]["trainable_parameters"]) == (14_100_000, 13_300_000)
    assert speech["features"] == {"type": "fbank", "sample_rate": 16000, "n_mels": 80, "n_fft": 400}
    assert speech["training"]["optimizer"] == "adadelta"
    assert speech["training"]["schedule"] == "NewBobScheduler"
    assert speech["training"]["max_epochs"] == 4
    assert speech["decoding"] == {"beam_size": 20, "lm_weight": 0.5}
    assert speech["data"]["test_sets"] == ["test-clean", "test-other"]


def test_the_manifests_that_the_configuration_names_are_data_sets(finished, recipe, ingest, views):
    ingest(finished.folder)
    by_name = {each["name"]: each for each in views()["crdnn/7"].datasets}
    assert list(by_name) == ["train", "dev", "test-clean", "test-other"]
    train = by_name["train"]
    assert (train["utterances"], train["speakers"], train["split"]) == (40, 3, "train")
    assert train["hours"] == pytest.approx(40 * 1.5 / 3600)
    assert by_name["test-other"]["split"] == "test/test-other"
    assert views()["crdnn/7"].speech["data"]["train_utterances"] == 40
    before = train["version"]
    with (recipe / "train.csv").open("a") as file:
        file.write("utt99,3.0,x.wav,spk1,more\n")
    ingest(finished.folder)
    versions = [each["version"] for each in views()["crdnn/7"].datasets if each["name"] == "train"]
    assert versions[0] == before
    assert len(versions) == 2


def test_a_second_time_adds_nothing_from_wherever_it_is_found(finished, recipe, ingest, views, monkeypatch):
    ingest(recipe)
    (before,) = [view.journal.records for view in views().values()]
    for folder in (recipe, finished.folder, recipe / "results"):
        code, _, _ = ingest(folder)
        assert code == 0
    monkeypatch.chdir(recipe)
    ingest("results/crdnn")
    (after,) = [view.journal.records for view in views().values()]
    assert len(after) == len(before)


def test_seeds_are_grouped(made, recipe, ingest, views):
    for seed in (7, 8):
        made.Experiment(recipe, seed).write()
    ingest(recipe)
    assert {name: view.identity["experiment"] for name, view in views().items()} == {
        "crdnn/7": "crdnn", "crdnn/8": "crdnn",
    }  # fmt: skip
    assert {view.speech["training"]["seed"] for view in views().values()} == {7, 8}


def test_steps_of_the_recipe_are_the_axis_where_it_says_them(made, recipe, ingest, views):
    experiment = made.Experiment(recipe, limit=2)
    experiment.begin()
    for epoch in (1, 2):
        experiment.epoch(epoch, steps=f", steps: {epoch * 500}, optimizer: Adam")
    experiment.test("test-clean", made.CLEAN, loss=1.0)
    experiment.grow_old()
    ingest(recipe)
    view = views()["crdnn/7"]
    assert [(step, epoch) for step, epoch, _ in history(view, "train/loss_epoch")] == [(500, 1), (1000, 2)]
    assert view.evaluations[0]["step"] == 1000
    assert view.config["train_log_says"] == {"optimizer": "Adam"}


def test_epochs_that_were_trained_again_count_once_with_all_that_came_after(made, recipe, ingest, views):
    experiment = made.Experiment(recipe)
    experiment.begin()
    for epoch in (1, 2, 3):
        experiment.epoch(epoch)
    experiment.begin()
    experiment.epoch(2, loss=7.5)
    experiment.grow_old()
    ingest(recipe)
    view = views()["crdnn/7"]
    assert history(view, "train/loss_epoch") == [(1, 1, 10.0), (2, 2, 7.5)]
    events = {each["name"]: each["data"] for each in view.events}
    assert events["restarted"]["epoch"] == 2
    assert events["epochs-repeated"]["epochs"] == "2-3"


def test_a_training_that_went_on_replaces_what_was_read_before(made, recipe, ingest, views):
    experiment = made.Experiment(recipe)
    experiment.begin()
    experiment.epoch(1)
    experiment.epoch(2)
    experiment.fail()
    experiment.grow_old()
    ingest(recipe)
    assert views()["crdnn/7"].status == "failed"
    experiment.begin()
    experiment.epoch(2, loss=6.0)
    experiment.epoch(3)
    experiment.epoch(4)
    experiment.test("test-clean", made.CLEAN, loss=1.0)
    experiment.test("test-other", made.OTHER, loss=1.0)
    ingest(recipe)
    view = views()["crdnn/7"]
    assert view.status == "finished"
    assert [value for _, _, value in history(view, "train/loss_epoch")] == [10.0, 6.0, 3.33, 2.5]


def test_the_test_set_of_a_line_is_that_of_the_file_with_the_same_rate(made, recipe, ingest, views):
    experiment = made.Experiment(recipe)
    experiment.begin()
    experiment.epoch(4)
    experiment.test("test-other", made.OTHER, loss=2.5)  # not in the order of the configuration
    experiment.test("test-clean", made.CLEAN, loss=1.25)
    experiment.grow_old()
    ingest(recipe)
    view = views()["crdnn/7"]
    assert history(view, "test/test-other/loss") == [(4, 4, 2.5)]
    assert history(view, "test/test-clean/loss") == [(4, 4, 1.25)]


def test_without_files_of_error_rates_the_lines_of_the_log_are_evaluations(finished, recipe, ingest, views):
    for path in finished.folder.glob("wer_*.txt"):
        path.unlink()
    _, document, _ = ingest(recipe)
    assert [(each["test_set"], each["best"]["wer"]) for each in document["runs"][0]["evaluations"]] == [
        ("test-clean", 0.3333), ("test-other", 1.33),
    ]  # fmt: skip
    assert [each["metrics"]["wer"] for each in views()["crdnn/7"].evaluations] == [0.3333, 1.33]


def test_rates_that_a_recipe_prints_as_fractions_are_told_by_the_files(finished, recipe, ingest, views):
    log = finished.folder / "train_log.txt"
    text = log.read_text()
    for percent, fraction in (("33.33", "3.33e-01"), ("1.33e+02", "1.33"), ("100.00", "1.00e+00"),
                              ("50.00", "5.00e-01"), ("25.00", "2.50e-01")):  # fmt: skip
        text = text.replace(f"WER: {percent}", f"WER: {fraction}")
    log.write_text(text)
    finished.grow_old()
    ingest(recipe)
    view = views()["crdnn/7"]
    assert [value for _, _, value in history(view, "valid/wer")] == [1.0, 0.5, 0.333, 0.25]
    assert [value for _, _, value in history(view, "test/test-other/wer")] == [1.33]


@pytest.mark.parametrize(("rates", "told"), [
    (("9.80e-01", "1.04e+00", "3.10e-01"), True), (("9.8e+01", "31.00", "1.20"), False), (("0.00e+00", "0.00e+00", "0.00e+00"), False),
])  # fmt: skip
def test_rates_that_may_be_fractions_are_taken_as_percent_and_that_is_said(recipe, ingest, views, rates, told):
    folder = recipe / "results" / "small" / "7"
    folder.mkdir(parents=True)
    first, second, tested = rates
    (folder / "train_log.txt").write_text(
        f"epoch: 1, lr: 1.00e-03 - train loss: 1.73 - valid loss: 5.2, valid WER: {first}\n"
        f"epoch: 2, lr: 1.00e-03 - train loss: 1.53 - valid loss: 4.2, valid WER: {second}\n"
        f"Epoch loaded: 2 - test loss: 4.1, test WER: {tested}\n"
    )
    _, document, _ = ingest(recipe)
    reasons = [each["reason"] for each in document["problems"] if each["path"].endswith("train_log.txt")]
    assert ["taken as percent" in each for each in reasons] == [True] * told
    expected = [(1, 1, pytest.approx(float(first) / 100)), (2, 2, pytest.approx(float(second) / 100))]
    assert history(views()["small/7"], "valid/wer") == expected


def test_other_tasks_have_their_own_numbers(recipe, ingest, views):
    folder = recipe / "results" / "speaker_id" / "exp1"
    folder.mkdir(parents=True)
    (folder / "train_log.txt").write_text(
        "Epoch: 1, lr: 1.00e-03 - train loss: 1.73 - valid loss: 9.58e-01, valid error: 2.25e-01\n"
        "Epoch loaded: 1 - test loss: 5.65e-03, test error: 6.54e-03\n"
    )
    _, document, _ = ingest(recipe)
    (run,) = document["runs"]
    assert run["evaluations"][0]["values"] == {"loss": 0.00565, "error": 0.00654}
    view = views()["speaker_id/exp1"]
    assert view.identity["task"] == "sid"
    assert history(view, "valid/error") == [(1, 1, 0.225)]
    assert view.evaluations[0]["metrics"] == {"loss": 0.00565, "error": 0.00654}


def test_errors_of_phones_are_no_errors_of_words(made, recipe, ingest, views):
    folder = recipe / "results" / "timit" / "1234"
    folder.mkdir(parents=True)
    (folder / "train_log.txt").write_text(
        "epoch: 1, lr: 1.00 - train loss: 3.00 - valid loss: 2.00, valid PER: 33.33\n"
        "Epoch loaded: 1 - test loss: 2.10, test PER: 33.33\n"
    )
    (folder / "per.txt").write_text("CTC loss stats:\nAverage loss: 3.1\n\nPER stats:\n" + made.score_file(made.CLEAN))
    _, document, _ = ingest(recipe)
    (evaluation,) = document["runs"][0]["evaluations"]
    assert (evaluation["best"]["wer"], evaluation["best"]["per"]) == (None, 3 / 9)
    assert views()["timit/1234"].evaluations[0]["metrics"]["per"] == 3 / 9


def test_characters_are_scored_as_characters(made, recipe, ingest, views):
    folder = recipe / "results" / "chars" / "1"
    folder.mkdir(parents=True)
    (folder / "env.log").write_text(made.ENV)
    aligned = {"a": [*zip("ab_c", "abxc", strict=True), (None, "d")], "b": [("é", "é"), ("漢", None)]}
    (folder / "cer_test.txt").write_text(made.score_file(aligned))
    ingest(recipe)
    (evaluation,) = views()["chars/1"].evaluations
    assert (evaluation["unit"], evaluation["cer"], evaluation["counts"]["utterances"]) == ("char", 3 / 6, 2)


def test_error_rates_alone_are_an_experiment_too(made, tmp_path, ingest, views):
    (tmp_path / "wer_test-clean.txt").write_text(made.score_file(made.CLEAN))
    code, document, _ = ingest(tmp_path)
    assert code == 0
    assert document["runs"][0]["evaluations"][0]["best"]["wer"] == 3 / 9


def test_two_processes_that_wrote_to_one_log_are_one_training(finished, recipe, ingest, views):
    for name in ("log.txt", "train_log.txt"):
        path = finished.folder / name
        path.write_text("".join(2 * line for line in path.read_text().splitlines(keepends=True)))
    finished.grow_old()
    _, document, _ = ingest(recipe)
    assert document["runs"][0]["jobs"] == {"total": 1, "failed": 0}
    assert document["problems"] == []
    view = views()["crdnn/7"]
    assert len(view.history("valid/wer")) == 4
    assert [each["name"] for each in view.events] == []


def test_a_checkpoint_within_an_epoch_is_not_the_best(finished, recipe, ingest, views):
    path = finished.save(4, 0.0)
    (path / "CKPT.yaml").write_text("brain_intra_epoch_ckpt: true\nend-of-epoch: false\nunixtime: 1743442440.5\n")
    finished.grow_old()
    ingest(recipe)
    (best,) = [each for each in views()["crdnn/7"].checkpoints if each["best"]]
    assert best["metadata"]["chosen_by"] == "min valid/wer"
    assert best["path"] != str(path)


@pytest.mark.parametrize(
    "named", ["train.csv", "data/train.csv", "/home/who/recipe/train.csv", "results/crdnn/7/train.csv"]
)
def test_manifests_are_found_from_where_the_output_folder_lies_now(finished, recipe, ingest, views, named):
    config = finished.folder / "hyperparams.yaml"
    text = config.read_text().replace("train_csv: train.csv", f"train_csv: {named}")
    if named.startswith("/"):
        text = text.replace("output_folder: ", "output_folder: /home/who/recipe/")
    config.write_text(text)
    place = recipe / named.removeprefix("/home/who/recipe/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if place != recipe / "train.csv":
        (recipe / "train.csv").rename(place)
    finished.grow_old()
    ingest(finished.folder)
    train = next(each for each in views()["crdnn/7"].datasets if each["name"] == "train")
    assert (train["utterances"], train["path"]) == (40, str(place.resolve()))


def test_the_log_alone_tells_the_curves(finished, recipe, ingest, views):
    (finished.folder / "train_log.txt").unlink()
    ingest(recipe)
    assert len(views()["crdnn/7"].history("valid/wer")) == 4


def test_a_published_model_is_no_experiment(tmp_path, ingest, capsys):
    model = tmp_path / "pretrained_models" / "asr"
    model.mkdir(parents=True)
    (model / "hyperparams.yaml").write_text("encoder: !new:speechbrain.nnet.RNN.GRU\n")
    code, _, err = ingest(tmp_path)
    assert code == 1
    assert "the output folder of a recipe" in err


def test_the_toolkit_is_recognised(finished, recipe, capsys):
    assert main(["ingest", str(recipe), "--dry-run"]) == 0
    assert "taken for SpeechBrain" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(finished, recipe, ingest, views):
    before = sorted(recipe.rglob("*"))
    ingest(recipe, "--dry-run")
    assert views() == {}
    assert sorted(recipe.rglob("*")) == before


def test_nothing_of_speechbrain_is_imported():
    code = (
        "import sys, speech_tracker.integrations.speechbrain.ingest\n"
        "print([name for name in ('speechbrain', 'torch', 'ruamel.yaml', 'hyperpyyaml', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
