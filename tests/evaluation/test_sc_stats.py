"""Our significance tests beside NIST's own binaries (Debian package `sctk`), on made-up and on awkward data."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from speech_tracker.evaluation.mapsswe import mapsswe
from speech_tracker.evaluation.mcnemar import mcnemar
from speech_tracker.evaluation.score import score
from speech_tracker.evaluation.wilcoxon import friedman, sign_test, wilcoxon
from speech_tracker.testing.transcripts import make_test_set

SCTK = Path("/usr/lib/sctk/bin")
pytestmark = pytest.mark.skipif(not (SCTK / "sc_stats").exists(), reason="NIST's sctk is not installed")

_MAPSSWE = re.compile(r"# segs: (\d+).*\(mean: +([-\d.]+)\) \(std dev: +([-\d.]+)\) \(Z Stat: +([-\d.]+)\)")
_MCNEMAR = re.compile(r" corr +(\d+) +(\d+)\s+incorr +(\d+) +(\d+)")


def run_sctk(folder, references, systems, *options):
    """Score with sclite, test with sc_stats, and return the text of each report."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, texts in {"ref": references, **{f"h{i}": texts for i, texts in enumerate(systems)}}.items():
        (folder / f"{name}.trn").write_text("".join(f"{text} ({key})\n" for key, text in texts.items()))
    aligned = b""
    for i in range(len(systems)):
        command = [SCTK / "sclite", "-i", "rm", "-r", "ref.trn", "-h", f"h{i}.trn", "-o", "sgml", "stdout", *options]
        aligned += subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout
    stats = [SCTK / "sc_stats", "-p", "-t", "std4", "-t", "anovar", "-n", "out"]
    for extra in ["-v"], ["-u"]:
        subprocess.run(stats + extra, cwd=folder, check=True, capture_output=True, input=aligned)
    return {path.suffix[1:]: path.read_text() for path in folder.glob("out.stats.*")}


def p_values(unified, test):
    """Return the p values of one test in the unified report, in the order of the pairs."""
    rows = [line for line in unified.splitlines() if re.match(rf"\| +{test} +\|\|", line)]
    found = re.findall(r" (<?)(\d\.\d{3}) ", " ".join(rows))
    return [0.0 if less else float(number) for less, number in found]


def evaluate(references, texts):
    speakers = {key: key.split("-")[0] for key in references}
    return score(references, texts, alignment="sclite", attributes={"speaker_id": speakers})


@pytest.fixture(scope="module", params=[0, 1, 2, 3])
def compared(request, tmp_path_factory):
    made = make_test_set(
        utterances=(400, 90, 1200, 60)[request.param],
        speakers=(30, 8, 20, 60)[request.param],
        error_rates=((0.15, 0.12, 0.12), (0.03, 0.02, 0.025), (0.08, 0.078, 0.2), (0.4, 0.3, 0.35))[request.param],
        seed=request.param,
    )
    reports = run_sctk(tmp_path_factory.mktemp("sctk") / "a b", made.references, made.systems)
    return reports, [evaluate(made.references, texts) for texts in made.systems]


PAIRS = [(0, 1), (0, 2), (1, 2)]


def test_mapsswe_equals_sc_stats(compared):
    reports, evaluations = compared
    theirs = _MAPSSWE.findall(reports["mapsswe"])
    assert len(theirs) == 3
    for (a, b), row in zip(PAIRS, theirs, strict=True):
        ours = mapsswe(evaluations[a], evaluations[b])
        assert ours.segments == int(row[0])
        assert [f"{value:.3f}" for value in (ours.mean, ours.std, ours.z)] == list(row[1:])
    # sc_stats looks p up in a table with steps of 0.01 in z
    ours = [mapsswe(evaluations[a], evaluations[b]).p for a, b in PAIRS]
    assert ours == pytest.approx(p_values(reports["unified"], "MP"), abs=0.0095)


def test_mcnemars_table_equals_sc_stats(compared):
    reports, evaluations = compared
    theirs = [tuple(map(int, row)) for row in _MCNEMAR.findall(reports["mcn"])]
    ours = [mcnemar(evaluations[a], evaluations[b]) for a, b in PAIRS]
    assert [(m.both_correct, m.only_first_correct, m.only_second_correct, m.both_wrong) for m in ours] == theirs


def test_the_sign_test_equals_sc_stats_for_few_speakers(compared):
    reports, evaluations = compared
    ours = [sign_test(evaluations[a], evaluations[b]) for a, b in PAIRS]
    theirs = p_values(reports["unified"], "SI")
    for result, p in zip(ours, theirs, strict=True):
        if result.first_better + result.second_better + result.equal <= 20:
            assert result.p == pytest.approx(p, abs=0.0006)
    signs = re.findall(r"N\(\+\) = +(\d+).*\n.*N\(-\) = +(\d+).*\n.*N\(0\) = +(\d+)", reports["sign"])
    for result, row in zip(ours, signs, strict=True):
        assert sorted(map(int, row[:2])) == sorted([result.first_better, result.second_better])
        assert int(row[2]) == result.equal


def test_wilcoxons_z_equals_sc_stats(compared):
    reports, evaluations = compared
    theirs = re.findall(r"Z statistic = +([-\d.]+)", reports["wilc"])
    ours = [wilcoxon(evaluations[a], evaluations[b]) for a, b in PAIRS]
    assert [f"{abs(w.z_sc_stats):.2f}" for w in ours] == [z.lstrip("-") for z in theirs]
    assert [w.p_sc_stats for w in ours] == pytest.approx(p_values(reports["unified"], "WI"), abs=0.009)


def test_the_analysis_of_variance_by_ranks_equals_sc_stats(compared):
    reports, evaluations = compared
    theirs = float(re.findall(r"X2_r = +([-\d.]+)", reports["anovar"])[0])
    assert friedman(*evaluations).statistic == pytest.approx(theirs, abs=0.0006)


WORDS = st.lists(st.sampled_from(["a", "b", "c", "dd", "e"]), max_size=9).map(" ".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(WORDS.filter(bool), WORDS, WORDS), min_size=1, max_size=12))
def test_segments_and_sentences_equal_sc_stats_on_any_transcripts(tmp_path, rows):
    ids = [f"s{i % 3}-{i}" for i in range(len(rows))]
    references, *systems = [dict(zip(ids, column, strict=True)) for column in zip(*rows, strict=True)]
    evaluations = [evaluate(references, texts) for texts in systems]
    ours = mapsswe(*evaluations)
    assume(ours.segments)
    reports = run_sctk(tmp_path / "x", references, systems)
    theirs = _MAPSSWE.findall(reports["mapsswe"])[0]
    assert ours.segments == int(theirs[0])
    assert (ours.mean, ours.std, ours.z) == pytest.approx(tuple(map(float, theirs[1:])), abs=0.00051)
    table = tuple(map(int, _MCNEMAR.findall(reports["mcn"])[0]))
    sentences = mcnemar(*evaluations)
    assert table == (
        sentences.both_correct,
        sentences.only_first_correct,
        sentences.only_second_correct,
        sentences.both_wrong,
    )
    if sentences.only_first_correct + sentences.only_second_correct <= 20:
        assert sentences.p == pytest.approx(p_values(reports["unified"], "MN")[0], abs=0.0006)


def awkward_texts(draw):
    """Return a reference with alternates and optional words, and what two systems made of it."""
    reference, heard = [], ([], [])
    for _ in range(draw.randint(1, 12)):
        word, kind = draw.choice(["aa", "bb", "cc", "dd", "Ff"]), draw.random()
        if kind < 0.12:
            reference.append(f"{{ {word} / xx {word} / @ }}")
            ways = [[word], ["xx", word], []]
        elif kind < 0.2:
            reference.append(f"({word})")
            ways = [[word], []]
        else:
            reference.append(word)
            ways = [[word]]
        for side in heard:
            said = draw.choice(ways)
            luck = draw.random()
            side += ["zz"] if luck < 0.2 else [] if luck < 0.28 else [*said, "bb"] if luck < 0.36 else said
    return " ".join(reference), *(" ".join(side).upper() if draw.random() < 0.1 else " ".join(side) for side in heard)


@pytest.mark.parametrize("seed", range(12))
def test_segments_equal_sc_stats_where_references_have_alternates_and_optional_words(tmp_path, seed):
    draw = random.Random(seed)
    ids = [f"s{i % 4}-{i:03d}" for i in range(25)]
    rows = [awkward_texts(draw) for _ in ids]
    references, *systems = [dict(zip(ids, column, strict=True)) for column in zip(*rows, strict=True)]
    # -D: sclite takes (word) for an optional word only then
    theirs = _MAPSSWE.findall(run_sctk(tmp_path / "x", references, systems, "-D")["mapsswe"])[0]
    ours = mapsswe(*[evaluate(references, texts) for texts in systems])
    assert ours.segments == int(theirs[0])
    assert (ours.mean, ours.std, ours.z) == pytest.approx(tuple(map(float, theirs[1:])), abs=0.00051)


def test_sc_stats_calls_equal_systems_different_beyond_twenty_sentences_and_we_do_not(tmp_path):
    references = {f"s{i % 5}-{i:03d}": "yes we can" for i in range(100)}
    systems = [dict(references), dict(references)]
    for i, key in enumerate(references):
        if i < 45:
            systems[i < 20][key] = "yes we could"
    reports = run_sctk(tmp_path / "x", references, systems)
    ours = mcnemar(*[evaluate(references, texts) for texts in systems])
    assert {ours.only_first_correct, ours.only_second_correct} == {20, 25}
    assert p_values(reports["unified"], "MN") == [0.0]
    assert ours.p == pytest.approx(0.5515, abs=0.0001)
