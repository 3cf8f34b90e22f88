"""Real files of public recipes, with counts made in another way: line by line, as grep and awk would."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.espnet.ingest import EspnetIngester

SAMPLES = Path(__file__).parent.parent.parent.parent / "shared" / "samples" / "espnet"
LONG_AFTER = time.time() + 86400  # a clone or a copy makes the files of long ago new
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"needs the sample files in {SAMPLES}")

FOLDERS = sorted(path.name for path in SAMPLES.iterdir()) if SAMPLES.is_dir() else []
RECIPES = (
    sorted(path.parent.relative_to(SAMPLES).as_posix() for path in (SAMPLES / "espnet-recipes-RESULTS").rglob("R*E*") if path.is_file())
    if SAMPLES.is_dir()
    else []
)  # fmt: skip


@pytest.fixture(scope="module")
def found():
    cache = {}

    def read(name):
        if name not in cache:
            cache[name] = EspnetIngester(Source(SAMPLES / name)).find(now=LONG_AFTER)
        return cache[name]

    return read


def result_files(folder):
    return [path for path in sorted(folder.rglob("*")) if re.fullmatch(r"RESULTS?(\.md)?|README\.md", path.name)]


def rows_with_error_rates(path):
    """Lines of eight numbers between bars, as ``|set|Snt|Wrd|Corr|Sub|Del|Ins|Err|S.Err|`` has them, and sclite's sums."""
    rows, seen = [], set()
    for line in path.read_text(encoding="utf-8").splitlines():
        # some results are quoted twice, word for word, with the path of their model
        squeezed = "".join(line.split())
        if squeezed.startswith("|exp/") and squeezed in seen:
            continue
        seen.add(squeezed)
        said = line.partition("Sum/Avg")[2] or line.strip().removeprefix("|").partition("|")[2]
        numbers = [each for each in said.replace("|", " ").split() if re.fullmatch(r"[\d.]+", each)]
        if said.count("|") >= 2 and len(numbers) >= 8 and "." in numbers[2] and "." not in numbers[1]:
            rows.append((int(numbers[1]), round(float(numbers[6]) / 100, 6)))
    return rows


@pytest.mark.parametrize("name", FOLDERS)
def test_every_row_of_every_table_of_error_rates_is_an_evaluation(found, name):
    expected = sorted(row for path in result_files(SAMPLES / name) for row in rows_with_error_rates(path))
    evaluations = [each for run in found(name).runs for each in run.evaluations if each.reported is not None]
    got = sorted((each.reported.reference_length, each.reported.error_rate) for each in evaluations)
    if "recipes" in name:
        assert len(expected) > 890
    assert got == expected


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_the_models_that_its_headings_name(found, name):
    text = "".join(path.read_text(encoding="utf-8") for path in result_files(SAMPLES / name))
    titles = re.sub(r"\]\([^()]*\)|[\[`*]", "", text)  # without links and marks
    for run in EspnetIngester(Source(SAMPLES / name)).find(now=LONG_AFTER).runs:
        assert all(
            part.replace("*", "") in titles or part == "/".join(name.split("/")[-2:]) for part in run.name.split(" / ")
        ), run.name
        assert run.evaluations


@pytest.mark.parametrize("name", FOLDERS)
def test_problems_are_only_of_damaged_rows_and_of_logs_that_stop(found, name):
    reasons = sorted(problem.reason for problem in found(name).problems)
    expected = {
        "espnet-recipes-RESULTS": ["a row of 4 cells in a table of 3 columns (, EER(%), minDCF)"],
        "quoted-lines": ["the log stops in epoch 2 without an end of the training", "the log stops without an end of the training"],
    }  # fmt: skip
    assert reasons == expected.get(name, [])


def test_quoted_training_logs_have_every_value_of_every_line(found):
    runs = {run.name: run for run in found("quoted-lines").runs}
    assert set(runs) == {"asr-conformer-one-epoch", "issue-2183-multigpu", "issue-2674-lm"}
    for name, run in runs.items():
        text = (SAMPLES / "quoted-lines" / name / "train.log").read_text()
        steps = len(re.findall(r"\depoch:train:", text))
        epochs = len(re.findall(r"epoch results:", text))
        metrics = run.metrics()
        assert metrics.get("train/loss", {"count": 0})["count"] == steps
        assert metrics.get("train/loss_epoch", {"count": 0})["count"] == epochs
        assert metrics.get("valid/loss", {"count": 0})["count"] == epochs
    assert runs["asr-conformer-one-epoch"].status == "finished"
    assert runs["asr-conformer-one-epoch"].metrics()["valid/cer_ctc"]["last"] == 4.993
    assert runs["asr-conformer-one-epoch"].metrics()["train/epoch_seconds"]["last"] == 103.19
    assert [point.step for point in runs["issue-2674-lm"].points if point.name == "train/loss"] == [
        6750,
        7125,
        7500,
        7882,
    ]


def test_a_real_decoding_log_has_the_speed_that_espnets_own_script_calculates(tmp_path):
    """ESPnet's test of `calculate_rtf.py` expects 693.700 s of audio, 5186.688 s of decoding for this very file."""
    folder = tmp_path / "exp" / "asr_train" / "decode_asr_model_valid.acc.ave" / "test_clean" / "logdir"
    folder.mkdir(parents=True)
    log = SAMPLES / "espnet-test-utils" / "test_utils" / "asr_inference.1.log"
    (folder / "asr_inference.1.log").write_bytes(log.read_bytes())
    (run,) = EspnetIngester(Source(tmp_path)).find(now=LONG_AFTER).runs
    (evaluation,) = run.evaluations
    assert evaluation.rtf == pytest.approx(5186.688 / 693.700, abs=1e-5)
    assert evaluation.facts["utterances_decoded"] == log.read_text().count("INFO: speech length")
    assert evaluation.decoding["lm_file"].endswith("lm/valid.loss.ave.pth")
    assert evaluation.reported is None


def test_a_second_look_finds_the_same(found):
    again = EspnetIngester(Source(SAMPLES / "espnet-recipes-RESULTS")).find(now=LONG_AFTER)
    assert [(run.folder, [each.fingerprint for each in run.evaluations]) for run in again.runs] == [
        (run.folder, [each.fingerprint for each in run.evaluations]) for run in found("espnet-recipes-RESULTS").runs
    ]
