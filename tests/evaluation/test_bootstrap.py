from __future__ import annotations

import kaldialign
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation import resample
from speech_tracker.evaluation.bootstrap import bootstrap_interval, ratio_interval
from speech_tracker.evaluation.resample import replicate_sums
from speech_tracker.evaluation.score import score
from speech_tracker.testing.transcripts import make_test_set

SET = make_test_set(utterances=600, speakers=40, seed=5)


def evaluate(system=0, **options):
    return score(SET.references, SET.systems[system], attributes={"speaker_id": SET.speakers}, **options)


def test_the_normal_interval_of_utterances_equals_kaldis_up_to_its_randomness():
    ids = list(SET.references)
    kaldi = kaldialign.bootstrap_wer_ci(
        [SET.references[i].split() for i in ids], [SET.systems[0][i].split() for i in ids], replications=10_000
    )
    ours = bootstrap_interval(evaluate(), method="normal", block=None)
    assert ours.mean == pytest.approx(kaldi["wer"], rel=0.002)
    assert ours.width / 2 == pytest.approx(kaldi["ci95"], rel=0.03)
    assert ours.low == pytest.approx(kaldi["ci95min"], abs=0.02 * kaldi["wer"])


def test_fast_draws_have_the_distribution_of_drawing_one_utterance_at_a_time():
    rows = np.random.default_rng(1).poisson((2, 20), size=(3000, 2))
    fast = replicate_sums(rows, replications=4000, seed=0)
    slow = resample._Sampler(rows.astype(float)).draw(np.random.default_rng(2), 4000)
    assert fast.mean(axis=0) == pytest.approx(slow.mean(axis=0), rel=0.002)
    assert np.cov(fast.T) == pytest.approx(np.cov(slow.T), rel=0.12)
    for point in (0.025, 0.5, 0.975):
        assert np.quantile(fast, point, axis=0) == pytest.approx(np.quantile(slow, point, axis=0), rel=0.005)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 10**7)), min_size=1, max_size=60))
def test_every_replication_draws_exactly_as_many_rows_as_there_are(rows):
    ones = np.column_stack([np.array(rows), np.ones(len(rows), dtype=int)])
    sums = replicate_sums(ones, replications=50, seed=3)
    assert (sums[:, 3] == len(rows)).all()
    assert (sums[:, :3] >= ones[:, :3].min(axis=0) * len(rows)).all()
    assert (sums[:, :3] <= ones[:, :3].max(axis=0) * len(rows)).all()


def test_whole_numbers_and_fractions_are_resampled_alike():
    rows = np.random.default_rng(4).integers(0, 5, size=(400, 2)) + np.array([0, 1])
    whole = ratio_interval(rows)
    fractions = ratio_interval(rows + 0.0)
    assert whole.low == pytest.approx(fractions.low, rel=0.02)
    assert whole.high == pytest.approx(fractions.high, rel=0.02)


def test_a_seed_gives_the_same_interval_with_one_core_and_with_many(monkeypatch):
    rows = np.random.default_rng(1).poisson((2, 20), size=(3000, 2))
    monkeypatch.setattr(resample, "_usable_cores", lambda: 1)
    one = replicate_sums(rows, replications=1500, seed=7)
    monkeypatch.setattr(resample, "_usable_cores", lambda: 5)
    assert (replicate_sums(rows, replications=1500, seed=7) == one).all()
    assert (replicate_sums(rows, replications=1500, seed=8) != one).any()


def test_numbers_too_large_to_pack_together_are_still_added_exactly():
    rows = np.array([[2**40, 3], [2**41, 5], [0, 2**39]])
    sums = replicate_sums(rows, replications=200, seed=0)
    for first, second in sums:
        candidates = [
            (a * 2**40 + b * 2**41, a * 3 + b * 5 + (3 - a - b) * 2**39) for a in range(4) for b in range(4 - a)
        ]
        assert (first, second) in candidates


def test_speakers_are_resampled_when_they_are_known_and_the_result_says_so():
    by_speaker = bootstrap_interval(evaluate())
    by_utterance = bootstrap_interval(evaluate(), block=None)
    assert (by_speaker.blocks, by_speaker.n_blocks) == ("speaker_id", 40)
    assert (by_utterance.blocks, by_utterance.n_blocks) == ("utterance", 600)
    assert by_speaker.width > 1.5 * by_utterance.width
    assert by_speaker.warning is None


def test_of_speaker_and_session_the_larger_blocks_are_resampled():
    rooms = {key: f"room{int(SET.speakers[key][3:]) // 5}" for key in SET.references}
    attributes = {"speaker_id": SET.speakers, "session_id": rooms}
    both = score(SET.references, SET.systems[0], attributes=attributes)
    assert bootstrap_interval(both).blocks == "session_id"
    chapters = {key: f"{SET.speakers[key]}-{i % 2}" for i, key in enumerate(SET.references)}
    both = score(SET.references, SET.systems[0], attributes={"speaker_id": SET.speakers, "session_id": chapters})
    assert bootstrap_interval(both).blocks == "speaker_id"


def test_few_blocks_give_a_warning_and_the_t_interval_is_wider():
    few = make_test_set(utterances=200, speakers=6, seed=2)
    evaluation = score(few.references, few.systems[0], attributes={"speaker_id": few.speakers})
    interval = bootstrap_interval(evaluation)
    assert interval.warning is not None
    assert "only 6 values of speaker_id" in interval.warning
    assert "method='t'" in interval.warning
    assert bootstrap_interval(evaluation, method="t").width > interval.width


def test_one_speaker_alone_falls_back_to_utterances_and_warns():
    alone = score(SET.references, SET.systems[0], attributes={"speaker_id": dict.fromkeys(SET.references, "ljs")})
    interval = bootstrap_interval(alone)
    assert interval.blocks == "utterance"
    assert "nothing about other speakers" in str(interval.warning)
    with pytest.raises(ScoringError, match="nothing to resample"):
        bootstrap_interval(alone, block="speaker_id")
    three = score({"u1": "a", "u2": "b", "u3": "c"}, {"u1": "a", "u2": "b", "u3": "d"}, attributes={
        "speaker_id": dict.fromkeys(("u1", "u2", "u3"), "ljs")
    })  # fmt: skip
    warning = str(bootstrap_interval(three).warning)
    assert "nothing about other speakers" in warning
    assert "only 3 utterances" in warning


def test_utterances_without_a_speaker_are_blocks_of_their_own_and_counted():
    some = {key: value for key, value in SET.speakers.items() if value != "spk001"}
    evaluation = score(SET.references, SET.systems[0], attributes={"speaker_id": some})
    without = len(SET.references) - len(some)
    interval = bootstrap_interval(evaluation)
    assert interval.n_blocks == 39 + without
    assert f"{without} of 600 utterances have no speaker_id" in str(interval.warning)


@pytest.mark.parametrize("method", ["percentile", "normal", "bca", "t"])
def test_every_method_covers_the_estimate_and_widens_with_the_level(method):
    narrow = bootstrap_interval(evaluate(), method=method, level=0.8)
    wide = bootstrap_interval(evaluate(), method=method, level=0.99)
    assert wide.low < narrow.low < narrow.estimate < narrow.high < wide.high
    assert narrow.estimate == evaluate().error_rate
    assert narrow.method == method


def test_bca_agrees_with_scipys_on_a_skewed_sample():
    from scipy.stats import bootstrap

    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.geometric(0.05, size=60), rng.integers(100, 200, size=60)])
    theirs = bootstrap(
        (rows[:, 0], rows[:, 1]),
        lambda e, n, axis=-1: e.sum(axis=axis) / n.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        method="BCa",
        rng=np.random.default_rng(1),
    ).confidence_interval
    ours = ratio_interval(rows, method="bca", replications=20_000)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=0.02)
    percentile = ratio_interval(rows, replications=20_000)
    assert ours.high > percentile.high * 1.005


def test_the_speaker_bootstrap_covers_where_the_utterance_bootstrap_does_not():
    rng = np.random.default_rng(11)
    covered = {"speaker": 0, "utterance": 0, "t": 0}
    trials = 120
    for trial in range(trials):
        rates = rng.beta(2, 22, size=40)
        errors = rng.binomial(20, np.repeat(rates, 25))
        utterances = np.column_stack([errors, np.full(1000, 20)])
        speakers = utterances.reshape(40, 25, 2).sum(axis=1)
        for name, interval in (
            ("speaker", ratio_interval(speakers, replications=400, seed=trial)),
            ("utterance", ratio_interval(utterances, replications=400, seed=trial)),
            ("t", ratio_interval(speakers, method="t")),
        ):
            covered[name] += interval.low <= 2 / 24 <= interval.high
    assert covered["speaker"] > 0.84 * trials
    assert covered["t"] > 0.84 * trials
    assert covered["utterance"] < 0.6 * trials


def test_the_sentence_error_rate_has_an_interval_too():
    interval = bootstrap_interval(evaluate(), rate="sentence_error_rate")
    assert interval.estimate == evaluate().sentence_error_rate
    assert interval.low < interval.estimate < interval.high <= 1


def test_empty_references_count_as_insertions_and_empty_resamples_are_reported():
    references = {"a": "", "b": "yes"}
    interval = bootstrap_interval(score(references, {"a": "oh", "b": "yes"}))
    assert interval.estimate == 1.0
    assert "had no reference word" in str(interval.warning)
    with pytest.raises(ScoringError, match="without a denominator"):
        bootstrap_interval(score({"a": ""}, {"a": "oh"}))


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"level": 95}, "write 0.95"),
        ({"replications": 0}, "replications"),
        ({"method": "bayes"}, "percentile, normal, bca, t"),
        ({"block": "accent"}, "attributes of this evaluation \\(speaker_id\\)"),
        ({"rate": "wer"}, "sentence_error_rate"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(options, part):
    with pytest.raises(InvalidArgumentError, match=part):
        bootstrap_interval(evaluate(), **options)
