"""Real folders of three projects, with counts made in another way: line by line, as grep would."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.wenet.ingest import WenetIngester

SAMPLES = Path(__file__).parent.parent.parent.parent / "shared" / "samples" / "wenet"
LONG_AFTER = time.time() + 86400  # a clone or a copy makes the files of long ago new
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"needs the sample logs in {SAMPLES}")

TREES = sorted(path.name for path in SAMPLES.iterdir()) if SAMPLES.is_dir() else []
LOGS = sorted((SAMPLES / "dingyuqing-aishell-quant").rglob("*.log"))


@pytest.fixture(scope="module")
def found():
    cache = {}

    def read(name):
        if name not in cache:
            cache[name] = WenetIngester(Source(SAMPLES / name)).find(now=LONG_AFTER)
        return cache[name]

    return read


def lines_of(path):
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.name)
def test_every_printed_batch_and_validation_is_a_point(found, log):
    (run,) = [run for run in found("dingyuqing-aishell-quant").runs if run.path == str(log)]
    metrics = run.metrics()
    batches = [line for line in lines_of(log) if "] TRAIN Batch " in line]
    validations = [line for line in lines_of(log) if " CV info cv_loss " in line]
    for name in ("loss", "loss_att", "loss_ctc", "learning_rate"):
        assert metrics[f"train/{name}"]["count"] == len(batches)
    assert metrics["train/loss"]["last"] == float(re.search(r" loss (\S+) ", batches[-1])[1])
    assert metrics["valid/loss"]["count"] == len(validations)
    assert metrics["valid/loss"]["min"] == min(float(line.split()[-1]) for line in validations)
    assert run.status == "finished"


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.name)
def test_the_learning_rate_of_a_batch_is_that_of_its_update(found, log):
    (run,) = [run for run in found("dingyuqing-aishell-quant").runs if run.path == str(log)]
    rates = [point for point in run.points if point.name == "train/learning_rate"]
    assert all(round(point.value / 2e-7) == point.step for point in rates)
    assert run.config["wenet"]["update_axis"]["exact"]


def test_decoders_have_the_speed_that_they_print(found):
    (run,) = found("alicekenway-sdk-decode").runs
    logs = sorted((SAMPLES / "alicekenway-sdk-decode").rglob("*.log"))
    printed = {path.stem: {line.split()[0]: float(line.split()[1]) for line in lines_of(path)[-5:]} for path in logs}
    assert {each.decoding["method"]: each.rtf for each in run.evaluations} == {
        name: pytest.approx(values["wall_sec"] / values["audio_sec"]) for name, values in printed.items()
    }
    assert all(each.facts["utterances_decoded"] == 10 for each in run.evaluations)


def test_pages_have_an_evaluation_for_every_rate(found):
    runs = found("wenet-recipes-RESULTS").runs
    for page in (SAMPLES / "wenet-recipes-RESULTS").rglob("README.md"):
        expected = 0
        columns = []
        for line in lines_of(page):
            if not line.startswith("|"):
                columns = []
                continue
            cells = [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
            if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                continue
            if not columns:
                columns = cells
            elif columns[0] == "SPKR":
                expected += cells[0] == "Sum/Avg"
            elif re.search(r"decoding mode|test|dev", "".join(columns).lower()):
                is_set = [bool(re.search(r"(?i)test|dev|full|^\d+$|CER|WER", column)) for column in columns]
                expected += sum(
                    wanted and bool(re.match(r"\d", cell)) for wanted, cell in zip(is_set[1:], cells[1:], strict=False)
                )
        own = [each for run in runs if run.path.startswith(str(page)) for each in run.evaluations]
        assert len(own) == expected, page


def test_counts_in_a_page_are_kept(found):
    tallies = [
        each.best.tally
        for run in found("wenet-recipes-RESULTS").runs
        for each in run.evaluations
        if each.best.tally is not None
    ]
    text = "".join(path.read_text() for path in (SAMPLES / "wenet-recipes-RESULTS").rglob("README.md"))
    said = re.findall(r"N=(\d+) C=\d+ S=(\d+) D=(\d+) I=(\d+)", text)
    assert sorted(
        (each.reference_length, each.substitutions, each.deletions, each.insertions) for each in tallies
    ) == sorted(tuple(map(int, each)) for each in said)


@pytest.mark.parametrize("name", TREES)
def test_every_file_is_either_read_or_skipped(found, name):
    result = found(name)
    assert result.files_read + result.files_skipped == sum(path.is_file() for path in (SAMPLES / name).rglob("*"))
    assert result.problems == ()
    assert WenetIngester.recognises(SAMPLES / name) is not None
