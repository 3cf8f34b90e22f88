"""Output of searches: scored anew with its utterances, and joined to the training whose model searched."""

from __future__ import annotations

import pytest

CONFIG = (
    "{'_name': None, 'common': {'seed': 1}, 'common_eval': {'path': '%s', 'results_path': %s}, "
    "'dataset': {'gen_subset': '%s'}, 'generation': {'beam': 3, 'lenpen': 0.5, 'lm_path': None, 'lm_weight': 0.0}, "
    "'scoring': {'_name': '%s'}, 'args': None, 'task': {'_name': 'speech_to_text', 'data': 'data'}}"
)
HEADER = "2024-03-02 11:00:00 | INFO | fairseq_cli.generate | "
TRANSLATED = HEADER + "Translated 3 sentences (8 tokens) in 1.0s (4.12 sentences/s, 8.25 tokens/s)\n"
HYPOTHESES = "".join(
    f"T-{row}\t{reference}\nH-{row}\t-0.5\t{hypothesis}\nD-{row}\t-0.5\t{hypothesis}\nP-{row}\t-0.5 -0.5\n"
    for row, reference, hypothesis in [(2, "yes", "yes no"), (0, "one two three", "one too"), (1, "four", "four")]
)
RESULT = "Generate test-clean with beam=3: WER: 60.00\n"
MANIFEST = "id\taudio\tn_frames\ttgt_text\tspeaker\n" + "".join(
    f"utt-{row}\t{row}.npy\t40\ttext\t{'anna' if row < 2 else 'bert'}\n" for row in range(3)
)


def generate_log(model="ck/checkpoint_best.pt", results="None", subset="test-clean", scoring="wer"):
    lines = [CONFIG % (model, results, subset, scoring), f"loading model(s) from {model}"]
    return "".join(f"{HEADER}{line}\n" for line in lines)


def words_of(view, test_set):
    (found,) = [each for each in view.evaluations if each["test_set"] == test_set and each["unit"] == "word"]
    return found


@pytest.fixture
def trained(tmp_path, training_log):
    """A training with its checkpoints and manifests."""
    (tmp_path / "ck").mkdir()
    for name in ("checkpoint1.pt", "checkpoint_best.pt", "checkpoint_last.pt"):
        (tmp_path / "ck" / name).write_bytes(b"weights")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/test-clean.tsv").write_text(MANIFEST)
    log = training_log("ck").updates(50, 3.0).validation(50, 39.677).epoch(50, 3.0).done()
    (tmp_path / "train.log").write_text(log.text())
    return tmp_path


@pytest.mark.parametrize("results_path", [False, True], ids=["standard output", "results path"])
def test_generated_hypotheses_are_scored_with_the_ids_and_speakers_of_the_manifest(
    trained, ingest, views, results_path
):
    if results_path:
        (trained / "gen.log").write_text(generate_log(results="'res'") + TRANSLATED)
        (trained / "res").mkdir()
        (trained / "res/generate-test-clean.txt").write_text(HYPOTHESES + RESULT)
    else:
        (trained / "gen.out").write_text(generate_log() + HYPOTHESES + TRANSLATED + RESULT)
    code, document, err = ingest(trained)
    assert (code, document["problems"]) == (0, []), err
    (run,) = document["runs"]
    (evaluation,) = run["evaluations"]
    assert evaluation["best"]["wer"] == 0.6
    assert (evaluation["best"]["substitutions"], evaluation["best"]["deletions"], evaluation["best"]["insertions"]) == (
        1,
        1,
        1,
    )
    found = words_of(views()["ck"], "test-clean")
    assert {row["speaker_id"]: row["error_rate"] for row in found["speakers"]} == {"anna": 0.5, "bert": 1.0}
    assert found["decoding"] == {"beam_size": 3, "length_penalty": 0.5, "method": "beam"}
    assert found["checkpoint"] == str(trained / "ck/checkpoint_best.pt")
    assert found["step"] == 50
    assert found["metadata"]["search_seconds"] == 1.0
    assert {row["utterance_id"] for row in found["worst"]} <= {"utt-0", "utt-1", "utt-2"}


@pytest.mark.parametrize("results_path", [False, True], ids=["standard output", "results path"])
def test_what_an_ensemble_found_is_not_told_of_its_first_checkpoint(trained, ingest, views, results_path):
    models = "ck/checkpoint_best.pt:elsewhere/checkpoint_best.pt"
    if results_path:
        (trained / "gen.log").write_text(generate_log(models, results="'res'") + TRANSLATED)
        (trained / "res").mkdir()
        (trained / "res/generate-test-clean.txt").write_text(HYPOTHESES + RESULT)
    else:
        (trained / "gen.out").write_text(generate_log(models) + HYPOTHESES + TRANSLATED + RESULT)
    code, document, err = ingest(trained)
    assert (code, document["problems"]) == (0, []), err
    found = words_of(views()["ck"], "test-clean")
    assert found["decoding"]["ensemble"] == models
    assert not found.get("checkpoint")


def test_rows_of_several_subsets_are_counted_each_and_do_not_take_the_ids_of_one(trained, ingest, views):
    (trained / "data/dev.tsv").write_text(MANIFEST.replace("utt", "dev"))
    result = RESULT.replace("test-clean", "test-clean,dev")
    (trained / "gen.out").write_text(generate_log(subset="test-clean,dev") + 2 * HYPOTHESES + TRANSLATED + result)
    code, document, err = ingest(trained)
    assert (code, document["problems"]) == (0, []), err
    found = words_of(views()["ck"], "test-clean,dev")
    assert found["metadata"]["utterances"] == 6
    assert {row["utterance_id"] for row in found["worst"]} <= {"0", "1", "2", "0.2", "1.2", "2.2"}


def test_checkpoints_that_are_there_are_recorded_with_their_scores(trained, ingest, views):
    ingest(trained)
    states = {each["path"].rpartition("/")[2]: each for each in views()["ck"].checkpoints}
    assert set(states) == {"checkpoint1.pt", "checkpoint_best.pt", "checkpoint_last.pt"}
    assert states["checkpoint_best.pt"]["best"]
    assert states["checkpoint_best.pt"]["metrics"] == {"valid/wer": 0.39677}
    assert {each["step"] for each in states.values()} == {50}


def test_all_of_it_a_second_time_adds_nothing(trained, ingest, views, capsys):
    from speech_tracker.cli import main

    (trained / "gen.out").write_text(generate_log() + HYPOTHESES + TRANSLATED + RESULT)
    write_inferred(trained / "decode")
    ingest(trained)
    segments = len(views()["ck"].segments())
    assert main(["ingest", "fairseq", str(trained), "--mode", "local"]) == 0
    assert "nothing new" in capsys.readouterr().out
    assert len(views()["ck"].segments()) == segments


def test_a_printed_rate_that_is_not_that_of_the_texts_is_told(trained, ingest):
    (trained / "gen.out").write_text(generate_log() + HYPOTHESES + RESULT.replace("60.00", "12.00"))
    _, document, _ = ingest(trained)
    (problem,) = document["problems"]
    assert problem["reason"].startswith("a WER of 12 % is printed, and the texts have 60.0000 %")
    assert problem["line"] == 15
    assert document["runs"][0]["evaluations"][0]["best"]["wer"] == 0.6


def test_two_searches_in_one_file_are_two_evaluations(trained, ingest):
    other = RESULT.replace("test-clean", "test-other")
    (trained / "gen.out").write_text(
        generate_log() + HYPOTHESES + RESULT + generate_log(subset="test-other") + HYPOTHESES + other
    )
    _, document, _ = ingest(trained)
    assert [each["test_set"] for each in document["runs"][0]["evaluations"]] == ["test-clean", "test-other"]


def test_without_hypotheses_the_printed_rate_is_all_there_is(trained, ingest, views):
    (trained / "gen.out").write_text(generate_log() + TRANSLATED + RESULT)
    ingest(trained)
    (found,) = views()["ck"].evaluations
    assert found["test_set"] == "test-clean"
    assert found["metrics"]["wer"] == 0.6


def test_translations_become_a_table_and_bleu_a_metric(tmp_path, ingest, views):
    lines = "S-0\tguten morgen\nT-0\tgood morning\nH-0\t-0.5\tgood day\nP-0\t-0.1\n"
    (tmp_path / "generate-test.txt").write_text(
        lines + "Generate test with beam=5: BLEU4 = 27.31, 58.9/33.1/21.0/13.9 (BP=1)\n"
    )
    code, document, err = ingest(tmp_path)
    assert (code, document["problems"]) == (0, []), err
    (view,) = views().values()
    assert view.identity["task"] == "mt"
    (found,) = view.evaluations
    assert found["metrics"] == {"bleu": 27.31}
    (table,) = view.records("table")
    assert table.data["name"] == "translations/test"


INFER = "[2024-03-02 12:00:00,123][__main__][INFO] - "


def inferred(model, subset, pairs, rate):
    lines = [model, f"/data//{subset}.ltr is sequence label. skipped"]
    for reference, hypothesis in pairs:
        lines += [f"HYPO: {hypothesis}", f"REF: {reference}", "---------------------"]
    lines += ["Processed 2 sentences (9 tokens) in 2.5s 0.80 sentences per second, 3.60 tokens per second)"]
    return "".join(f"{INFER}{line}\n" for line in [*lines, f"Word error rate: {rate}"])


def test_the_log_of_infer_has_its_utterances(trained, ingest, views):
    pairs = [("A B C D", "A B X D"), ("E", "")]
    text = inferred(f"{trained}//ck/checkpoint_best.pt", "dev_other", pairs, 40.0)
    (trained / "infer.log").write_text(text + inferred(f"{trained}/ck/checkpoint1.pt", "dev_clean", pairs[:1], 25.0))
    code, document, err = ingest(trained)
    assert (code, document["problems"]) == (0, []), err
    found = words_of(views()["ck"], "dev_other")
    assert (found["wer"], found["counts"]["utterances"]) == (0.4, 2)
    assert found["metadata"]["search_seconds"] == 2.5
    assert words_of(views()["ck"], "dev_clean")["wer"] == 0.25


def write_inferred(folder, rates=(("wer", 2, 2.0, -1.0),)):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hypo.word").write_text("A B X D (spk1-0)\n (spk2-1)\n")
    (folder / "ref.word").write_text("A B C D (spk1-0)\nE (spk2-1)\n")
    (folder / "hypo.units").write_text("A | B | X | D (spk1-0)\n (spk2-1)\n")
    (folder / "ref.units").write_text("A | B | C | D (spk1-0)\nE (spk2-1)\n")
    for name, errors, weight, bonus in rates:
        (folder / name).write_text(
            f"WER: {100 * errors / 5}\nerr / num_ref_words = {errors} / 5\n\n_name: null\nlmweight: {weight}\n"
            f"wordscore: {bonus}\nbeam: 500\ntype: kenlm\nunkweight: -.inf\n"
        )


def test_result_files_of_infer_are_scored_with_their_speakers(trained, ingest, views):
    write_inferred(trained / "ck" / "dev_other" / "viterbi")
    code, document, err = ingest(trained)
    assert (code, document["problems"]) == (0, []), err
    found = words_of(views()["ck"], "dev_other")
    assert {row["speaker_id"]: row["error_rate"] for row in found["speakers"]} == {"spk1": 0.25, "spk2": 1.0}
    assert found["decoding"]["lm_weight"] == 2.0
    assert found["decoding"]["word_insertion_penalty"] == -1.0
    assert found["decoding"]["beam_size"] == 500


def test_a_sweep_has_all_its_points_and_the_utterances_of_those_that_are_left(trained, ingest, views):
    rates = [("wer.123456", 3, 1.0, 0.0), ("wer.34", 2, 2.0, -1.0), ("wer.5678", 4, 3.0, -1.0)]
    write_inferred(trained / "kenlm" / "dev_other", rates)
    _, document, _ = ingest(trained)
    (evaluation,) = document["runs"][0]["evaluations"]
    assert evaluation["points"] == 3
    assert (evaluation["best"]["wer"], evaluation["best"]["lm_weight"]) == (0.4, 2.0)
    found = words_of(views()["ck"], "dev_other")
    assert found["counts"]["utterances"] == 2
    assert found["metadata"]["selection"]["how"] == "this-set"


def test_texts_of_no_point_of_the_sweep_are_left_out_and_told(trained, ingest, views):
    write_inferred(trained / "kenlm" / "dev_other", [("wer.1", 1, 1.0, 0.0), ("wer.2", 3, 1.0, 0.0)])
    _, document, _ = ingest(trained)
    (evaluation,) = document["runs"][0]["evaluations"]
    assert evaluation["best"]["wer"] == 0.2
    assert [each["reason"] for each in document["problems"]] == [
        "these texts are of none of the searches whose rates stand beside"
    ]


def test_old_names_of_result_files_tell_set_and_model(trained, ingest, views):
    for side, text in (("hypo", "A X (None-0)\n"), ("ref", "A B (None-0)\n")):
        (trained / f"{side}.word-checkpoint_best.pt-dev_other.txt").write_text(text)
    ingest(trained)
    found = words_of(views()["ck"], "dev_other")
    assert found["wer"] == 0.5
    assert found["checkpoint"] == str(trained / "ck/checkpoint_best.pt")


def test_hypotheses_without_references_are_decoded_and_not_scored(tmp_path, ingest, views):
    (tmp_path / "sample.large.hypo.word").write_text("KEEP A GOING (None-0)\n")
    code, document, _ = ingest(tmp_path)
    assert code == 0
    assert document["runs"][0]["evaluations"][0]["best"] is None
    (event,) = next(iter(views().values())).events
    assert event["name"] == "decoded-not-scored"


def test_a_search_with_a_model_from_elsewhere_is_a_run_of_its_own(trained, ingest, views):
    (trained / "gen.out").write_text(generate_log(model="/elsewhere/other/checkpoint_best.pt") + HYPOTHESES + RESULT)
    _, document, _ = ingest(trained)
    assert {run["name"]: (run["kind"], len(run["evaluations"])) for run in document["runs"]} == {
        "ck": ("train", 0), "other": ("decode", 1),
    }  # fmt: skip
    assert views()["other"].identity["task"] == "asr"


@pytest.mark.parametrize("lines", [1, 4, 7, 9])
def test_output_that_is_cut_off_gives_what_is_whole(trained, ingest, lines):
    path = trained / "gen.out"
    path.write_text("\n".join((generate_log() + HYPOTHESES).split("\n")[: 2 + lines]))
    code, _, err = ingest(trained)
    assert code == 0
    assert "Traceback" not in err
    path.write_text(generate_log() + HYPOTHESES + RESULT)
    _, document, _ = ingest(trained)
    assert document["problems"] == []
    assert document["runs"][0]["evaluations"][0]["best"]["wer"] == 0.6


def test_result_files_that_are_not_there_make_no_run_and_are_told(tmp_path, ingest):
    for name in ("hypo.word", "ref.word"):
        (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n")
    code, document, _ = ingest(tmp_path)
    assert (code, document["runs"]) == (1, [])
    assert ["git lfs pull" in each["reason"] for each in document["problems"]] == [True, True]
