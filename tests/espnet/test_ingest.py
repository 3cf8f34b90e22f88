"""What of a recipe's folder is recorded: curves, settings, scores with their utterances, lineage."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from speech_tracker.cli import main
from speech_tracker.ingest.ingester import Source, toolkits_of
from speech_tracker.integrations.espnet.ingest import EspnetIngester

from .conftest import LANGUAGE_MODEL, MODEL, WITH_LM, WITHOUT

SCLITE = Path("/usr/lib/sctk/bin/sclite")


def history(view, name):
    return [(point["step"], point["epoch"], point["value"]) for point in view.history(name)]


def test_each_model_folder_is_a_run_and_statistics_are_none(made_recipe, ingest, views):
    code, document, _ = ingest(made_recipe)
    assert code == 0
    assert [(run["name"], run["kind"]) for run in document["runs"]] == [(LANGUAGE_MODEL, "lm"), (MODEL, "asr")]
    assert {name: view.status for name, view in views().items()} == {LANGUAGE_MODEL: "finished", MODEL: "finished"}


def test_curves_are_on_the_axis_of_optimizer_steps_and_a_restarted_epoch_is_there_once(made_recipe, ingest, views):
    ingest(made_recipe)
    view = views()[MODEL]
    # two mini-batches to a step; the first attempt at epoch 3, whose loss was 99, was not gone on with
    assert history(view, "train/loss") == [
        (1, 1, 30.5), (2, 1, 28.25), (3, 2, 26.5), (4, 2, 24.25), (5, 3, 22.5), (6, 3, 20.25),
    ]  # fmt: skip
    assert history(view, "train/loss_epoch") == [(2, 1, 29.125), (4, 2, 25.125), (6, 3, 21.125)]
    assert history(view, "valid/accuracy") == [(2, 1, 0.4), (4, 2, 0.5), (6, 3, 0.6)]
    assert history(view, "train/epoch_seconds")[0] == (2, 1, 85.5)
    assert view.metrics["train/learning_rate"]["last"] == 1.667e-06
    assert view.metrics["train/gradient_norm"]["count"] == 6
    assert view.metrics["valid/cer_ctc"]["count"] == 3  # the first is no number
    assert view.metrics["valid/wer_teacher_forced"]["last"] == 1.02
    assert "valid/wer" not in view.metrics
    (resumed,) = [event for event in view.events if event["name"] == "resumed"]
    assert resumed["data"]["epoch"] == 2


def test_older_names_of_the_learning_rate_are_the_newer_ones(made_recipe, ingest, views):
    ingest(made_recipe)
    view = views()[LANGUAGE_MODEL]
    assert history(view, "train/learning_rate") == [(2, 1, 0.1)]
    assert view.metrics["test/test/perplexity"]["last"] == 12.375


def test_the_description_is_that_of_the_adapter(made_recipe, ingest, views):
    ingest(made_recipe)
    view = views()[MODEL]
    speech = view.speech
    assert (speech["task"], speech["toolkit"], speech["toolkit_version"]) == ("asr", "espnet", "202511")
    assert speech["model"] == {
        "type": "conformer", "encoder": "conformer", "encoder_layers": 12, "encoder_dim": 256, "decoder": "transformer",
        "decoder_layers": 6, "attention_heads": 4, "parameters": 43040000, "trainable_parameters": 43040000,
        "token_type": "char", "vocabulary_size": 31,
    }  # fmt: skip
    assert speech["features"]["sample_rate"] == 16000
    assert speech["augmentation"]["speed_perturbation"] == [0.9, 1.0, 1.1]
    assert speech["training"]["accumulation"] == 2
    assert speech["decoding"] == {
        "beam_size": 10, "ctc_weight": 0.3, "lm_weight": 0.4, "word_insertion_penalty": 0.0, "language_model": LANGUAGE_MODEL,
    }  # fmt: skip
    assert view.config["scheduler_conf"] == {"warmup_steps": 15000}
    assert len(view.config["token_list"]) == 21


def test_every_decoding_of_every_set_is_an_evaluation_with_sclites_counts(made_recipe, ingest, views):
    _, document, _ = ingest(made_recipe)
    evaluations = views()[MODEL].evaluations
    found = {
        (each["test_set"], each["unit"], each["metadata"]["inference"]): each["counts"] for each in evaluations
    }  # fmt: skip
    assert len(evaluations) == len(found) == 8
    # the row "Sum" of sclite's reports
    expected = {
        ("dev_small", "word", WITH_LM): (2, 0, 0), ("dev_small", "word", WITHOUT): (3, 2, 0),
        ("test_small", "word", WITH_LM): (1, 0, 1), ("test_small", "word", WITHOUT): (1, 1, 1),
        ("dev_small", "char", WITH_LM): (1, 3, 0), ("dev_small", "char", WITHOUT): (0, 6, 0),
        ("test_small", "char", WITH_LM): (1, 0, 2), ("test_small", "char", WITHOUT): (0, 2, 5),
    }  # fmt: skip
    assert {
        key: (counts["substitutions"], counts["deletions"], counts["insertions"]) for key, counts in found.items()
    } == expected
    run = document["runs"][1]
    best = {
        (each["test_set"], Path(each["path"]).parent.name): each["best"]
        for each in run["evaluations"]
        if each["best"]["wer"]
    }
    assert best["test_small", WITH_LM]["reference_length"] == 21


def test_utterances_and_speakers_are_there_and_counted_by_their_ids(made_recipe, ingest, views):
    ingest(made_recipe)
    view = views()[MODEL]
    evaluation = next(
        each for each in view.evaluations
        if (each["test_set"], each["unit"], each["metadata"]["inference"]) == ("test_small", "word", WITH_LM)
    )  # fmt: skip
    assert {row["speaker_id"]: row["substitutions"] + row["insertions"] for row in evaluation["speakers"]} == {
        "1089": 1,
        "121": 1,
    }
    assert {row["utterance_id"] for row in evaluation["worst"]} == {"1089-134686-0000", "121-121726-0001"}
    assert evaluation["alignment"] == "sclite"


def test_settings_speed_and_checkpoint_are_those_of_the_jobs(made_recipe, ingest, views):
    ingest(made_recipe)
    by_tag = {
        each["metadata"]["inference"]: each for each in views()[MODEL].evaluations if each["test_set"] == "test_small"
    }
    with_lm, without = by_tag[WITH_LM], by_tag[WITHOUT]
    # of conf/decode_asr.yaml, which the command line names
    assert (with_lm["decoding"]["beam_size"], with_lm["decoding"]["lm_weight"]) == (10, 0.4)
    assert (without["decoding"]["beam_size"], without["decoding"]["ctc_weight"]) == (5, 0.5)
    assert with_lm["metadata"]["rtf"] == 0.25  # as calculate_rtf.log says
    assert without["metadata"]["rtf"] == 0.25  # as its job's log tells: 2 s for 8 s
    assert Path(with_lm["checkpoint"]).name == "valid.acc.ave_2best.pth"
    assert (Path(without["checkpoint"]).name, without["step"]) == ("3epoch.pth", 6)


def test_a_decoding_is_chosen_on_the_development_set_and_is_the_last_word_on_a_set(made_recipe, ingest, views):
    ingest(made_recipe)
    view = views()[MODEL]
    how = {
        (each["test_set"], each["metadata"]["inference"]): each["metadata"]["selection"]["how"]
        for each in view.evaluations
        if each["unit"] == "word"
    }
    assert how == {
        ("dev_small", WITH_LM): "this-set", ("dev_small", WITHOUT): "only-point",
        ("test_small", WITH_LM): "carried-over", ("test_small", WITHOUT): "only-point",
    }  # fmt: skip
    assert [each["metadata"]["inference"] for each in view.evaluations if each["test_set"] == "test_small"][
        -1
    ] == WITH_LM
    tables = {record.data["name"]: record.data for record in view.records("table")}
    sweep = json.loads((view.folder / tables["decode/test_small/wer"]["file"]).read_text())
    assert sweep["columns"][0] == "inference"
    assert [row[0] for row in sweep["rows"]] == [WITH_LM, WITHOUT]


def test_checkpoints_data_and_the_language_model_are_told(made_recipe, ingest, views):
    ingest(made_recipe)
    found = views()
    view = found[MODEL]
    checkpoints = {Path(each["path"]).name: each for each in view.checkpoints}
    assert set(checkpoints) == {"2epoch.pth", "3epoch.pth", "valid.acc.ave_2best.pth"}
    assert (
        checkpoints["3epoch.pth"]["step"],
        checkpoints["3epoch.pth"]["epoch"],
        checkpoints["3epoch.pth"]["best"],
    ) == (6, 3, True)
    assert checkpoints["3epoch.pth"]["metadata"]["chosen_by"] == "valid acc max"
    assert checkpoints["2epoch.pth"]["metrics"]["valid/accuracy"] == 0.5
    datasets = {(each["name"], each["split"]): (each["utterances"], each["speakers"]) for each in view.datasets}
    assert datasets == {
        ("train_sp", "train"): (3, 2), ("dev_small", "valid"): (4, 2), ("dev_small", "test/dev_small"): (4, 2),
        ("test_small", "test/test_small"): (5, 2),
    }  # fmt: skip
    assert [(link["run"], link["relation"]) for link in view.links] == [
        (found[LANGUAGE_MODEL].folder.name, "made-from")
    ]


def test_a_second_time_adds_nothing(made_recipe, capsys):
    main(["ingest", "espnet", str(made_recipe), "--mode", "local"])
    assert "new records" in capsys.readouterr().out
    main(["ingest", "espnet", str(made_recipe), "--mode", "local"])
    assert "nothing new" in capsys.readouterr().out
    main(["ingest", "espnet", f"{made_recipe}/exp/../exp/{MODEL}", "--mode", "local"])
    assert "nothing new" in capsys.readouterr().out


def test_one_test_set_alone_belongs_to_its_model(made_recipe, ingest, views):
    code, document, _ = ingest(made_recipe / "exp" / MODEL / WITHOUT / "test_small")
    assert code == 0
    (run,) = document["runs"]
    assert run["name"] == MODEL
    assert {each["test_set"] for each in run["evaluations"]} == {"test_small"}
    assert len(views()[MODEL].evaluations) == 2


def test_a_folder_is_recognised_and_espnet_comes_before_kaldi(made_recipe, model):
    found = toolkits_of(made_recipe)
    assert next(iter(found)) == "espnet"
    assert "tells of its results" in found["espnet"]
    (model / "train.log").unlink()
    (model / "train.1.log").unlink()
    (model / "RESULTS.md").unlink()
    assert "configuration of its training" in toolkits_of(model)["espnet"]
    other = model / "other" / "config.yaml"
    other.parent.mkdir()
    other.write_text("output_dir: x\n" * 5000)
    assert "espnet" not in toolkits_of(other.parent)


def test_a_dry_run_and_json_agree_with_what_is_recorded(made_recipe, ingest, views):
    code, dry, _ = ingest(made_recipe, "--dry-run")
    assert code == 0
    assert views() == {}
    assert ingest(made_recipe)[1] == dry


def test_espnet_itself_is_not_imported(made_recipe):
    code = (
        "import sys\nfrom pathlib import Path\nfrom speech_tracker.ingest.ingester import Source\n"
        "from speech_tracker.integrations.espnet.ingest import EspnetIngester\n"
        f"assert len(EspnetIngester(Source(Path({str(made_recipe)!r}))).find().runs) == 2\n"
        "assert not {'espnet2', 'torch', 'wandb'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_included_and_excluded_parts(made_recipe):
    (run,) = EspnetIngester(Source(made_recipe, include=[MODEL], exclude=["decode_beam*"])).find().runs
    assert {each.facts["inference"] for each in run.evaluations} == {WITH_LM}


def test_translation_enhancement_and_synthesis_have_their_own_figures(tmp_path, ingest, views):
    written = {
        "st_train_st_small/decode_st_model_valid.acc.ave/test/score_bleu/result.lc.txt": '[{"name": "BLEU", "score": 13.9}]',
        "st_train_st_small/decode_st_model_valid.acc.ave/test/score_bleu/result.tc.txt": '[{"name": "BLEU", "score": 12.0}]',
        "enh_train_enh_small/enhanced_tt_min_8k/scoring/result_stoi.txt": "95.0\n",  # percent since 2022
        "enh_train_enh_small/enhanced_tt_min_8k/scoring/result_si_snr.txt": "15.25\n",
        "enh_train_enh_small/enhanced_tt_min_8k/logdir/enh_inference.1.log": "# python3 -m espnet2.bin.enh_inference --fs 8k\n",
        "enh_train_enh_small/RESULTS.md": "# RESULTS\n## enh_train_enh_small\n|dataset|STOI|SI_SNR|\n|---|---|---|\n"
        "|enhanced_tt_min_8k|95.00|15.25|\n|enhanced_cv_min_8k|0.94|16.00|\n",
        "tts_train_tts_small/decode_train.loss.best/eval1/log/tts_inference.1.log": "# python3 -m espnet2.bin.tts_inference --ngpu 0\n"
        "# Ended (code 0) at Sat Nov  8 10:00:30 CET 2025, elapsed time 30 seconds\n",
    }  # fmt: skip
    for name, content in written.items():
        path = tmp_path / "exp" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    code, document, _ = ingest(tmp_path)
    assert code == 0
    values = {
        (run["name"], each["test_set"]): each.get("values") for run in document["runs"] for each in run["evaluations"]
    }  # fmt: skip
    assert values == {
        ("st_train_st_small", "test"): {"bleu": 12.0},
        ("enh_train_enh_small", "tt_min_8k"): {"si_snr": 15.25, "stoi": 0.95},
        ("enh_train_enh_small", "cv_min_8k"): {"stoi": 0.94, "si_snr": 16.0},
        ("tts_train_tts_small", "eval1"): None,
    }  # fmt: skip
    found = views()
    assert {name: view.speech["task"] for name, view in found.items()} == {
        "st_train_st_small": "st", "enh_train_enh_small": "se", "tts_train_tts_small": "tts",
    }  # fmt: skip
    assert [each["metadata"]["letter_case"] for each in found["st_train_st_small"].evaluations] == ["ignored", "kept"]
    assert [event["name"] for event in found["tts_train_tts_small"].events] == ["decoded-not-scored"]


@pytest.mark.skipif(not SCLITE.is_file(), reason="needs NIST's sclite (Debian package sctk)")
def test_the_kept_reports_are_what_sclite_says_of_these_transcripts(made_recipe):
    for report in sorted((made_recipe / "exp" / MODEL).rglob("result.txt")):
        command = [SCLITE, "-r", "ref.trn", "trn", "-h", "hyp.trn", "trn", "-i", "rm", "-o", "all", "stdout"]
        said = subprocess.run(command, cwd=report.parent, check=True, capture_output=True, text=True).stdout
        rows = [
            [line.replace("|", " ").split() for line in text.splitlines() if "Sum" in line]
            for text in (said, report.read_text())
        ]
        assert rows[0] == rows[1] != []


def test_results_of_another_recipe_are_not_those_of_a_model_with_the_same_name(recipe, tmp_path, ingest):
    """As in a clone of ESPnet, whose recipes tell their results: the recipes of two corpora share the names of models."""
    table = "|dataset|Snt|Wrd|Corr|Sub|Del|Ins|Err|S.Err|\n|---|---|---|---|---|---|---|---|---|\n"
    for folder, test_set in ((recipe, "test_near"), (tmp_path / "theirs" / "asr1", "test_far")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "README.md").write_text(
            f"# RESULTS\n## exp/{MODEL}\n### WER\n{table}|decode_asr_model_valid.acc.ave/{test_set}|10|99|90|5|5|1|11.0|50|\n"
        )
    _, document, _ = ingest(tmp_path, "--dry-run")
    own, others = sorted(
        ({each["test_set"] for each in run["evaluations"]} for run in document["runs"] if run["name"] == MODEL),
        key=len, reverse=True,
    )  # fmt: skip
    assert own == {"dev_small", "test_small", "test_near"}
    assert others == {"test_far"}


def test_two_recipes_with_a_model_of_the_same_name_keep_their_own_pages(recipe, tmp_path, ingest):
    shutil.copytree(recipe, tmp_path / "asr2", symlinks=True)
    _, document, _ = ingest(tmp_path, "--dry-run")
    assert sorted(run["name"] for run in document["runs"]) == sorted([MODEL, LANGUAGE_MODEL] * 2)
