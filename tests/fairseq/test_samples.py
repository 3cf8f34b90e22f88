"""Real logs of four projects, with counts made in another way: line by line, as grep and wc would."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.fairseq.ingest import FairseqIngester

SAMPLES = Path(__file__).parent.parent.parent.parent / "shared" / "samples" / "fairseq"
LONG_AFTER = time.time() + 86400  # a clone or a copy makes the files of long ago new
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"needs the sample logs in {SAMPLES}")

HUBERT = "shanguanma-hubert-llama-pretrain"
THUBERT = "shanguanma-thubert"
RUNS = {
    "fairseq-hubert-hypo": {"examples/hubert/tests": ("decode", "finished")},
    "lsyip-generate": {"lsyip-generate": ("decode", "finished")},
    HUBERT: {"continue_pretain_base_hubert_with_llama_on_train_360": ("train", "killed")},
    THUBERT: {
        "pretrain_on_base_imls-ssl_4gpu_8update_960h_400k_update_360h_asr_finetune": ("train", "finished"),
        "pretrain_on_base_imls-ssl_4gpu_8update_960h_400k_update_500h_asr_finetune": ("train", "killed"),
    },
}


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def the(pattern: str, name: str) -> Path:
    (found,) = (SAMPLES / name).rglob(pattern)
    return found


@pytest.fixture(scope="module")
def found():
    cache = {}

    def read(name):
        if name not in cache:
            cache[name] = FairseqIngester(Source(SAMPLES / name)).find(now=LONG_AFTER)
        return cache[name]

    return read


def test_every_sample_is_listed_here():
    assert sorted(RUNS) == sorted(path.name for path in SAMPLES.iterdir())


@pytest.mark.parametrize("name", sorted(RUNS))
def test_a_sample_has_the_runs_of_its_trainings(found, name):
    assert {run.name: (run.kind, run.status) for run in found(name).runs} == RUNS[name]
    assert found(name).problems == ()


@pytest.mark.parametrize("name", sorted(RUNS))
def test_every_file_is_either_read_or_skipped(found, name):
    files = sum(path.is_file() for path in (SAMPLES / name).rglob("*"))
    assert found(name).files_read + found(name).files_skipped == files


@pytest.mark.parametrize("name", sorted(RUNS))
def test_a_sample_is_recognised_by_a_file_of_it(name):
    assert str(SAMPLES / name) in FairseqIngester.recognises(SAMPLES / name)


def training_lines(name: str) -> list[tuple[str, dict]]:
    """(save_dir, line) of each JSON line of a training log."""
    found, place = [], ""
    for line in lines_of(the("*stage2-3.log" if name == THUBERT else "pretrain.log", name)):
        place = match[1] if (match := re.search(r"'save_dir': '([^']*)'", line)) else place
        if match := re.match(r"\[[^\]]*\]\[([^\]]*)\]\[INFO\] - (\{\"epoch\".*\})$", line):
            found.append((place.rpartition("/")[2], match[1], json.loads(match[2])))
    return found


@pytest.mark.parametrize("name", [HUBERT, THUBERT])
def test_each_curve_has_a_point_for_each_line_that_says_so(found, name):
    lines = training_lines(name)
    for run in found(name).runs:
        mine = [(tag, values) for place, tag, values in lines if place == run.name]
        assert mine
        for tag, ours, prefix in [("train_inner", "train/loss", ""), ("train", "train/loss_epoch", "train_"),
                                  ("dev-other", "valid/loss", "dev-other_"),
                                  ("dev-clean", "valid/dev-clean/loss", "dev-clean_")]:  # fmt: skip
            said = [values for each, values in mine if each == tag]
            expected = {int(values[f"{prefix}num_updates"]): float(values[f"{prefix}loss"]) for values in said}
            assert len(expected) == len(said)
            assert {point.step: point.value for point in run.points if point.name == ours} == expected
        steps = [int(value) for _, values in mine for key, value in values.items() if key.endswith("num_updates")]
        assert run.iterations == max(steps)


def test_error_rates_of_validations_are_fractions_of_what_is_printed(found):
    run = found(THUBERT).runs[0]
    printed = [
        float(v["dev-other_wer"])
        for place, tag, v in training_lines(THUBERT)
        if tag == "dev-other" and place == run.name
    ]
    points = [point.value for point in run.points if point.name == "valid/wer"]
    assert points == [value / 100 for value in printed]


@pytest.mark.parametrize("name", [HUBERT, THUBERT])
def test_each_saved_checkpoint_is_in_the_table(found, name):
    log = the("*stage2-3.log" if name == THUBERT else "pretrain.log", name)
    saved = {
        (match[1], int(match[2]))
        for line in lines_of(log)
        if (match := re.search(r"Saved checkpoint (\S+) \(epoch \d+ @ (\d+) updates", line))
    }
    rows = {(row[0], row[2]) for run in found(name).runs for table in run.tables for row in table.rows}
    assert rows == saved


def test_starts_and_their_parameters_are_counted(found):
    (run,) = found(HUBERT).runs
    log = lines_of(the("pretrain.log", HUBERT))
    assert run.jobs.total == sum("No existing checkpoint found" in line for line in log) == 2
    assert run.speech.model.parameters == 303376512
    assert run.speech.model.trainable_parameters == 100989056
    assert run.task == "ssl"
    assert [happening.name for happening in run.happenings] == ["training-restarted"]


def test_what_stopped_the_trainings_is_told(found):
    first, second = found(THUBERT).runs
    assert [each.data["reason"] for each in first.happenings] == ["num_updates: 80000 >= max_update: 80000"]
    assert second.happenings[-1].data["error"].startswith("slurmstepd: error: *** JOB 167438")
    assert (first.task, first.speech.training.devices) == ("asr", 4)
    assert first.speech.data.datasets == ("train-clean-360",)


def edits(reference: list[str], hypothesis: list[str]) -> int:
    """Levenshtein's distance, row by row."""
    row = list(range(len(hypothesis) + 1))
    for position, word in enumerate(reference, 1):
        before, row[0] = row[0], position
        for column, other in enumerate(hypothesis, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (word != other))
    return row[-1]


@pytest.mark.parametrize(("place", "test_set"), [(0, "test-clean"), (1, "test-other")])
def test_searches_are_scored_as_their_log_says(found, place, test_set):
    log = lines_of(the("*stage32.log", THUBERT))
    ends = [number for number, line in enumerate(log) if "Word error rate" in line]
    part = log[ends[0] + 1 : ends[1]] if place else log[: ends[0]]
    references = [line.partition("REF: ")[2] for line in part if "REF: " in line]
    hypotheses = [line.partition("HYPO: ")[2] for line in part if "HYPO: " in line]
    evaluation = found(THUBERT).runs[0].evaluations[place]
    problems = []
    scored = evaluation.load(problems)
    assert problems == []
    assert evaluation.test_set == test_set
    assert len(scored) == len(references) == len(hypotheses)
    assert scored.counts.reference_length == sum(len(each.split()) for each in references)
    printed = float(log[ends[place]].rpartition(": ")[2])
    assert round(100 * evaluation.best.error_rate, 4) == printed
    distance = sum(edits(r.split(), h.split()) for r, h in zip(references[:200], hypotheses[:200], strict=True))
    assert [scored.references[number] for number in range(200)] == references[:200]
    assert scored.table[:200, 1:4].sum() == distance


def test_translations_are_all_in_the_table(found):
    log = lines_of(the("17-7generate-test.txt", "lsyip-generate"))
    (run,) = found("lsyip-generate").runs
    (table,) = run.tables
    by_kind = {kind: {line.split("\t")[0][2:]: line.split("\t")[1:] for line in log if line.startswith(f"{kind}-")}
               for kind in "STD"}  # fmt: skip
    assert len(table.rows) == sum(line.startswith("T-") for line in log) == len(by_kind["T"])
    for row, source, reference, hypothesis, score in table.rows:
        assert (source, reference) == (by_kind["S"][row][0], by_kind["T"][row][0])
        assert (str(score), hypothesis) == (by_kind["D"][row][0], by_kind["D"][row][1])
    assert run.task == "mt"
    assert [(each.best, each.values) for each in run.evaluations] == [(None, {})]


def test_hypotheses_without_references_are_decoded_only(found):
    (run,) = found("fairseq-hubert-hypo").runs
    (evaluation,) = run.evaluations
    assert (evaluation.test_set, evaluation.points, evaluation.facts) == ("sample.large", (), {"utterances": 1})
