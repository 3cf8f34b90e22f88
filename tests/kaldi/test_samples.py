"""Real trees of a dozen projects, with counts made in another way: line by line, as grep and wc would."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from speech_tracker.ingest.found import FoundRun
from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.kaldi.ingest import KaldiIngester

SAMPLES = Path(__file__).parent.parent.parent.parent / "shared" / "samples" / "kaldi"
LONG_AFTER = time.time() + 86400  # a clone or a copy makes the files of long ago new
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"needs the sample logs in {SAMPLES}")

KINDS = {
    "aggshruti-timit-nnet2": {"sgmm2_4": "sgmm", "sgmm2_4_mmi_b0.1": "sgmm", "tri4_nnet": "nnet2"},
    "hakim-indonesian": {
        "make_mfcc": "features", "mono": "mono", "mono_ali": "ali", "tri1": "tri", "tri1_ali": "ali", "tri2": "tri",
        "tri2_ali": "ali",
    },
    "homink-chain-tdnn7k": {"multi_a/tdnn_7k_rvb1": "chain"},
    "jerry-hokkien-cer": {"mono": "mono"},
    "juierror-thai-nnet2-online": {
        "make_mfcc": "features", "mono": "mono", "nnet2_online": "nnet2", "tri_graph_decode": "tri",
    },
    "kaldi-recipes-RESULTS": {},
    "mxer-chain-xconfigs": {},
    "ohmvikrant-punjabi-digits": {"mono": "mono", "sgmm": "sgmm", "tri4": "sat", "ubm": "ubm"},
    "qianz-aishell-mandarin": {"tri": "tri"},
    "quoted-lines": {"blog-5.5.100-chain": "chain", "issue-3925-tdnn_1c": "chain"},
    "realdoug-yesno": {"make_mfcc": "features", "mono0a": "mono"},
    "skyingithub-timit-nnet1": {
        "dnn4_pretrain-dbn": "dbn", "dnn4_pretrain-dbn_dnn": "nnet1", "mono": "mono", "tri3": "sat",
    },
}  # fmt: skip
LINKS = {
    ("hakim-indonesian", "tri1"): {"mono_ali"},
    ("hakim-indonesian", "mono_ali"): {"mono"},
    ("hakim-indonesian", "tri2"): {"tri1_ali"},
    ("ohmvikrant-punjabi-digits", "sgmm"): {"ubm", "tri4"},
    ("skyingithub-timit-nnet1", "dnn4_pretrain-dbn_dnn"): {"dnn4_pretrain-dbn", "tri3"},
    ("aggshruti-timit-nnet2", "sgmm2_4_mmi_b0.1"): {"sgmm2_4"},
}
TREES = sorted(path.name for path in SAMPLES.iterdir()) if SAMPLES.is_dir() else []


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def logs_below(path: Path) -> list[Path]:
    return sorted(path.rglob("*.log"))


def grep(pattern: str, paths: list[Path]) -> int:
    """Files in which a line matches."""
    return sum(any(re.search(pattern, line) for line in lines_of(path)) for path in paths)


@pytest.fixture(scope="module")
def found():
    cache = {}

    def read(name):
        if name not in cache:
            cache[name] = KaldiIngester(Source(SAMPLES / name)).find(now=LONG_AFTER)
        return cache[name]

    return read


def test_every_sample_tree_is_listed_here():
    assert sorted(KINDS) == TREES


@pytest.mark.parametrize("name", TREES)
def test_a_tree_has_the_runs_of_its_model_folders(found, name):
    assert {run.name: run.kind for run in found(name).runs} == KINDS[name]


@pytest.mark.parametrize("name", TREES)
def test_jobs_failures_and_seconds_are_those_that_grep_counts(found, name):
    for run in found(name).runs:
        logs = logs_below(Path(run.path))
        started = [path for path in logs if grep("^# Started at", [path])]
        assert run.jobs.total == len(started), run.path
        assert run.jobs.failed == len(started) - grep(r"^# (Ended \(code 0\)|Finished at .* status 0)", started)
        seconds = sum(int(match[1]) for path in started for line in lines_of(path)
                      if (match := re.match(r"# Accounting: time=(\d+)", line)))  # fmt: skip
        assert run.jobs.seconds == run.jobs.thread_seconds == seconds
    everything = [path for path in logs_below(SAMPLES / name) if grep("^# Started at", [path])]
    assert sum(run.jobs.total for run in found(name).runs) == len(everything)


@pytest.mark.parametrize("name", TREES)
def test_each_failed_job_is_a_problem_and_an_event(found, name):
    result = found(name)
    failing = [path for run in result.runs for path in logs_below(Path(run.path))
               if grep(r"^# Ended \(code [1-9]", [path])]  # fmt: skip
    events = [event for run in result.runs for event in run.happenings if event.name == "job-failed"]
    assert {event.data["log"] for event in events} == {str(path) for path in failing}
    assert {str(path) for path in failing} <= {problem.path for problem in result.problems}
    silent = [path for run in result.runs for path in logs_below(Path(run.path))
              if grep(r"^ERROR \(", [path]) and path not in failing]  # fmt: skip
    for path in silent:
        problem = next(each for each in result.problems if each.path == str(path))
        assert lines_of(path)[problem.line - 1].startswith("ERROR (")


def wer_files(folder: Path, metric: str = "wer") -> dict[Path, tuple[int, int]]:
    """Scoring file → errors and reference length."""
    result = {}
    for path in folder.rglob(f"{metric}_*"):
        if path.is_file() and re.match(rf"{metric}_\d", path.name):
            for line in lines_of(path):
                match = re.match(r"%WER \S+ \[ (\d+) / (\d+),", line)
                if match:
                    result[path] = (int(match[1]), int(match[2]))
    return result


@pytest.mark.parametrize("name", TREES)
def test_each_sweep_has_as_many_points_as_files_and_the_least_errors_of_them(found, name):
    seen = set()
    for run in found(name).runs:
        for evaluation in run.evaluations:
            folder = Path(evaluation.path)
            files = wer_files(folder, evaluation.metric)
            sums = list(folder.rglob("*.sys"))
            seen |= set(files) | set(sums)
            assert len(evaluation.points) == (len(files) or len(sums))
            if files:
                best = min(files.values())
                assert (evaluation.best.tally.errors, evaluation.best.reference_length) == best
                assert evaluation.best.error_rate == best[0] / best[1]
            elif sums:
                percents = [
                    float(line.split("|")[3].split()[4])
                    for path in sums
                    for line in lines_of(path)
                    if "Sum/Avg" in line
                ]
                assert evaluation.best.error_rate == pytest.approx(min(percents) / 100)
    everywhere = {*wer_files(SAMPLES / name), *wer_files(SAMPLES / name, "cer"), *(SAMPLES / name).rglob("*.sys")}
    assert seen == everywhere


@pytest.mark.parametrize("name", TREES)
def test_the_best_points_are_those_that_the_recipes_found_and_their_utterances_score_the_same(found, name):
    for run in found(name).runs:
        for evaluation in run.evaluations:
            recorded = Path(evaluation.path) / "scoring_kaldi" / f"best_{evaluation.metric}"
            if recorded.is_file():
                said = re.search(r"\[ (\d+) / (\d+), (\d+) ins, (\d+) del, (\d+) sub \]", recorded.read_text())
                tally = evaluation.best.tally
                assert tuple(map(int, said.groups())) == (
                    tally.errors, tally.reference_length, tally.insertions, tally.deletions, tally.substitutions,
                )  # fmt: skip
            per_utt = Path(evaluation.path) / "scoring_kaldi" / "wer_details" / "per_utt"
            if per_utt.is_file():
                problems = []
                utterances = evaluation.load(problems)
                assert problems == []
                assert len(utterances) == sum(" #csid " in line for line in lines_of(per_utt))
                assert utterances.counts.errors == evaluation.best.tally.errors


def count_messages(run: FoundRun, pattern: str, stem: str) -> int:
    """Iterations of logs of a kind in which a message stands."""
    found = set()
    for path in logs_below(Path(run.path) / "log"):
        match = re.match(rf"{stem}\.(\d+)(\.\d+)?\.log$", path.name)
        if match and grep(pattern, [path]):
            found.add(int(match[1]))
    return len(found)


CURVES = [
    ("align/log_likelihood_per_frame", r"\) Overall log-likelihood per frame (is|=) ", "align"),
    ("train/gaussian_improvement_per_frame", r"\) GMM update: Overall .* objective function improvement", "update"),
    ("train/transition_improvement_per_frame", r"\) Transition model update: Overall ", "update"),
    ("train/gaussians", r"\) Split .* split #Gauss from ", "update"),
    ("fmllr/improvement_per_frame", r"\) Overall fMLLR auxf impr per frame", "fmllr"),
    ("train/objective/output", r"Overall average objective function for 'output' is|Did backprop on", "train"),
    ("train/substates", r"\) Split \d+ substates to", "update"),
    ("valid/accuracy/output", r"and accuracy is", "compute_prob_valid"),
    ("train/parameter_change/max", r"Relative parameter differences per layer", "progress"),
]


@pytest.mark.parametrize("name", TREES)
def test_each_curve_has_a_point_for_each_iteration_that_says_so(found, name):
    for run in found(name).runs:
        if run.kind == "ali":  # its logs are numbered by job
            continue
        metrics = run.metrics()
        for metric, pattern, stem in CURVES:
            expected = count_messages(run, pattern, stem)
            steps = {point.step for point in run.points if point.name == metric and point.step is not None}
            assert len(steps) == expected, (run.path, metric)
            assert (metric in metrics) == bool(expected) or any(point.step is None for point in run.points)


@pytest.mark.parametrize("name", TREES)
def test_iterations_are_the_distinct_ones_of_the_training_logs(found, name):
    for run in found(name).runs:
        if run.kind in ("mono", "tri", "sat", "sgmm", "ubm", "nnet2"):
            numbers = {int(match[1]) for path in logs_below(Path(run.path) / "log")
                       if (match := re.match(r"(?:update|acc|train)\.(\d+)(\.\d+)?\.log", path.name))}  # fmt: skip
            assert run.iterations == len(numbers), run.path


def test_a_likelihood_is_averaged_with_the_frames_of_its_jobs(found):
    run = next(each for each in found("ohmvikrant-punjabi-digits").runs if each.name == "tri4")
    total = weight = 0.0
    for path in Path(run.path, "log").glob("acc.34.*.log"):
        for line in lines_of(path):
            match = re.search(r"\(Gaussian only\) = (\S+) over (\S+) frames", line)
            if match:
                total, weight = total + float(match[1]) * float(match[2]), weight + float(match[2])
    point = next(p for p in run.points if p.name == "train/log_likelihood_per_frame" and p.step == 34)
    assert point.value == pytest.approx(total / weight, rel=1e-12)


@pytest.mark.parametrize(("tree", "run"), sorted(LINKS))
def test_runs_are_linked_along_the_chain(found, tree, run):
    by_name = {each.name: each for each in found(tree).runs}
    assert {Path(link.path).name for link in by_name[run].links} == LINKS[tree, run]
    order = [each.name for each in found(tree).runs]
    assert all(order.index(parent) < order.index(run) for parent in LINKS[tree, run])


def test_character_errors_are_no_word_errors(found):
    (run,) = found("jerry-hokkien-cer").runs
    (evaluation,) = run.evaluations
    assert evaluation.metric == "cer"
    assert evaluation.best.error_rate == 54039 / 58967


def test_ties_go_to_the_point_that_kaldi_takes(found):
    run = next(each for each in found("realdoug-yesno").runs if each.name == "mono0a")
    best = run.evaluations[0].best
    assert (best.lm_weight, best.word_insertion_penalty, best.error_rate) == (7.0, 0.0, 0.0)


def test_data_sets_are_counted(found):
    run = next(each for each in found("hakim-indonesian").runs if each.name == "mono")
    by_name = {each.name: each for each in run.datasets}
    for name, data in by_name.items():
        folder = SAMPLES / "hakim-indonesian" / "data" / name
        assert data.utterances == len(lines_of(folder / "utt2spk"))
        assert data.speakers == len({line.split()[1] for line in lines_of(folder / "utt2spk")})
        assert data.hours == pytest.approx(sum(float(line.split()[1]) for line in lines_of(folder / "utt2dur")) / 3600)
    assert {each.split for each in run.datasets} == {"train", "test/test"}


@pytest.mark.parametrize("name", TREES)
def test_every_file_is_either_read_or_skipped(found, name):
    result = found(name)
    assert result.files_read + result.files_skipped == sum(path.is_file() for path in (SAMPLES / name).rglob("*"))
