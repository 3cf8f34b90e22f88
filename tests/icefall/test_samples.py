"""Real folders of three projects, with counts made in another way: line by line, as grep would."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.icefall.ingest import IcefallIngester

SAMPLES = Path(__file__).parent.parent.parent.parent / "shared" / "samples" / "icefall"
LONG_AFTER = time.time() + 86400  # a clone or a copy makes the files of long ago new
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"needs the sample logs in {SAMPLES}")

LOGS = sorted(SAMPLES.rglob("log-train-*"))
DECODES = sorted(SAMPLES.rglob("log-decode-*"))
TREES = sorted(path.name for path in SAMPLES.iterdir()) if SAMPLES.is_dir() else []


@pytest.fixture(scope="module")
def found():
    cache = {}

    def read(path):
        if path not in cache:
            cache[path] = IcefallIngester(Source(path)).find(now=LONG_AFTER)
        return cache[path]

    return read


def lines_of(path):
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def run_of(found, log):
    runs = found(SAMPLES / "tvt-zipformer-ssl").runs
    folder = str(log.parent.parent)
    own = [run for run in runs if run.path.partition("@")[0] == folder]
    dated = [run for run in own if run.path.endswith(log.name.removeprefix("log-train-"))]
    return dated[0] if dated else own[0]


@pytest.mark.parametrize("log", LOGS, ids=lambda path: f"{path.parent.parent.name}-{path.name}")
def test_every_printed_batch_and_validation_is_a_point(found, log):
    run = run_of(found, log)
    metrics = run.metrics()
    batches = [line for line in lines_of(log) if re.search(r"\] Epoch \d+, batch \d+, loss\[", line)]
    validations = [line for line in lines_of(log) if re.search(r"\] Epoch \d+, validation: ", line)]
    assert metrics["train/loss"]["count"] == len(batches)
    assert metrics["train/learning_rate"]["count"] == len(batches)
    assert metrics["valid/loss"]["count"] == len(validations)
    assert metrics["train/loss"]["last"] == float(re.search(r" loss\[loss=([^,]+),", batches[-1])[1])
    assert metrics["valid/loss"]["min"] == min(
        float(re.search(r"validation: loss=([^,]+),", line)[1]) for line in validations
    )
    printed = 0
    norms = set()
    for line in lines_of(log):
        printed += line in batches[printed : printed + 1]
        if "grad-norm quartiles" in line and printed:
            norms.add(printed)
    assert metrics["train/gradient_norm"]["count"] == len(norms)


@pytest.mark.parametrize("log", LOGS, ids=lambda path: f"{path.parent.parent.name}-{path.name}")
def test_steps_agree_with_the_checkpoints_that_are_named_after_them(found, log):
    run = run_of(found, log)
    steps = [point.step for point in run.points if point.name == "train/loss"]
    assert steps == sorted(set(steps))
    printed = 0
    for line in lines_of(log):
        printed += bool(re.search(r"\] Epoch \d+, batch", line))
        match = re.search(r"Saving checkpoint to .*checkpoint-(\d+)\.pt", line)
        if match and printed < len(steps):
            assert steps[printed - 1] <= int(match[1]) <= steps[printed]


def test_what_became_of_each_training(found):
    runs = {run.name: run for run in found(SAMPLES / "tvt-zipformer-ssl").runs}
    assert {name: (run.kind, run.status) for name, run in runs.items()} == {
        "zipformer_ssl_100h/step1_asr_initial": ("transducer", "killed"),
        "zipformer_ssl_100h/step1_asr_initial@2026-07-19-12-49-34": ("transducer", "finished"),
        "zipformer_ssl_100h/step3_ssl_iter1_finetune": ("transducer", "finished"),
        "zipformer_ssl_100h/step5_ssl_iter2_finetune": ("transducer", "finished"),
        "zipformer_ssl_100h/step6_ssl_iter3_pretrain": ("hubert", "failed"),
    }


@pytest.mark.parametrize("log", DECODES, ids=lambda path: path.name)
def test_every_error_rate_of_a_search_is_an_evaluation_or_was_replaced(found, log):
    evaluations = [each for run in found(SAMPLES / "gipder-aishell-decode").runs if run.path == str(log.parent.parent)
                   for each in run.evaluations]  # fmt: skip
    rates = [line for line in lines_of(log) if "%WER" in line]
    assert rates
    for line in rates:
        label, errors, length, insertions, deletions, substitutions = re.search(
            r"\[(\w+)-beam_size_4\] %WER \S+% \[(\d+) / (\d+), (\d+) ins, (\d+) del, (\d+) sub \]", line
        ).groups()
        tallies = [each.best.tally for each in evaluations if each.test_set == label]
        same = [each for each in tallies if (each.errors, each.reference_length) == (int(errors), int(length))]
        replaced = [each["error_rate"] for evaluation in evaluations for each in evaluation.facts.get("earlier", ())]
        if same:
            (tally,) = same
            said = (int(insertions), int(deletions), int(substitutions))
            assert (tally.insertions, tally.deletions, tally.substitutions) == said
        else:
            assert int(errors) / int(length) in replaced


def test_characters_are_character_errors_and_rates_above_one_are_kept(found):
    runs = found(SAMPLES / "gipder-aishell-decode").runs
    assert {each.metric for run in runs for each in run.evaluations} == {"cer"}
    earlier = [rate for run in runs for each in run.evaluations for rate in each.facts.get("earlier", ())]
    assert [(round(each["error_rate"], 4), each["metric"]) for each in earlier] == [(1.2645, "wer")]


def test_the_parameters_of_a_search_are_read(found):
    run = found(SAMPLES / "gipder-aishell-decode").runs[0]
    params = run.config["icefall"]["params"]
    assert params["decoding_method"] == "modified_beam_search"
    assert params["env_info"]["k2-version"] == "1.23.4"
    assert run.speech.model.parameters == 13582483


def test_pages_have_an_evaluation_for_every_rate_under_a_test_set(found):
    pages = found(SAMPLES / "icefall-RESULTS").runs
    for page in (SAMPLES / "icefall-RESULTS").rglob("RESULTS.md"):
        expected = 0
        columns = []
        for line in lines_of(page):
            if "|" not in line:
                columns = []
                continue
            cells = [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
            if all(re.fullmatch(r":?-+:?", cell) or not cell for cell in cells):
                continue
            if not columns:
                columns = cells
                continue
            for column, cell in zip(columns[1:], cells[1:], strict=False):
                is_set = re.search(r"(?i)test|dev", column) and "seconds" not in column and "&" not in column
                expected += bool(is_set and re.match(r"\*?\*?\d+(\.\d+)?", cell))
        own = [each for run in pages if run.path.startswith(str(page)) for each in run.evaluations]
        own = [each for each in own if not re.search(r" \(500\)$", each.decoding["method"])]  # of "dev & test"
        assert len(own) == expected, page


@pytest.mark.parametrize("name", TREES)
def test_every_file_is_either_read_or_skipped(found, name):
    result = found(SAMPLES / name)
    assert result.files_read + result.files_skipped == sum(path.is_file() for path in (SAMPLES / name).rglob("*"))
    assert result.problems == ()
    assert IcefallIngester.recognises(SAMPLES / name) is not None
