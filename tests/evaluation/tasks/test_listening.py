from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.tasks.listening import Rating, mean_opinion_score, mean_opinion_scores


def draw(rng, listeners=20, stimuli=30, listener_spread=0.4, stimulus_spread=0.4, mean=3.0, noise=0.3):
    likes, sounds = rng.normal(0, listener_spread, listeners), rng.normal(0, stimulus_spread, stimuli)
    return [
        Rating(float(np.clip(mean + like + sound + rng.normal(0, noise), 1, 5)), f"s{j}", f"l{i}")
        for i, like in enumerate(likes)
        for j, sound in enumerate(sounds)
    ]


def test_plain_numbers_have_students_interval_and_a_warning():
    ratings = [4, 5, 3, 4, 4, 2, 5, 4]
    found = mean_opinion_score(ratings)
    interval = stats.t.interval(0.95, len(ratings) - 1, np.mean(ratings), stats.sem(ratings))
    assert (found.low, found.high) == pytest.approx(tuple(interval))
    assert found.mos == 3.875
    assert "independent" in found.warning


def test_the_interval_covers_where_listeners_and_sentences_differ_and_the_naive_one_does_not():
    rng = np.random.default_rng(5)
    covered = {"clustered": 0, "naive": 0}
    for _ in range(150):
        ratings = draw(rng)
        for name, found in (
            ("clustered", mean_opinion_score(ratings)),
            ("naive", mean_opinion_score([rating.score for rating in ratings])),
        ):
            covered[name] += found.low <= 3.0 <= found.high
    assert covered["clustered"] > 0.88 * 150
    assert covered["naive"] < 0.6 * 150


def test_independent_ratings_are_not_punished():
    rng = np.random.default_rng(1)
    ratings = draw(rng, listener_spread=0, stimulus_spread=0, noise=0.8)
    clustered, naive = mean_opinion_score(ratings), mean_opinion_score([rating.score for rating in ratings])
    assert clustered.high - clustered.low < 1.6 * (naive.high - naive.low)


def test_one_known_side_is_clustered_and_the_other_named_as_unknown():
    ratings = [Rating(rating.score, rating.stimulus_id) for rating in draw(np.random.default_rng(0))]
    found = mean_opinion_score(ratings)
    assert (found.stimuli, found.listeners) == (30, None)
    assert "the listeners are not known" in found.warning


def test_systems_are_kept_apart_and_can_be_logged():
    rng = np.random.default_rng(0)
    ratings = [
        Rating(rating.score, rating.stimulus_id, rating.listener_id, system)
        for system, mean in (("vits", 4.0), ("tacotron", 3.0))
        for rating in draw(rng, mean=mean)
    ]
    found = mean_opinion_scores(ratings)
    assert list(found) == ["vits", "tacotron"]
    assert found["vits"].mos > found["tacotron"].high
    assert found["vits"].metrics()["mos"] == found["vits"].mos
    assert found["vits"].warning is None


def test_the_interval_stays_on_the_scale():
    found = mean_opinion_score([5, 5, 5, 4])
    assert found.high == 5.0
    assert mean_opinion_score([80, 90, 100], scale=(0, 100)).mos == 90


@pytest.mark.parametrize(
    ("ratings", "options", "error", "part"),
    [
        ([4], {}, ScoringError, "two ratings"),
        ([4, 6], {}, InvalidArgumentError, "pass scale="),
        ([4, float("nan")], {}, InvalidArgumentError, "outside the scale"),
        ([4, 5], {"level": 95}, InvalidArgumentError, "coverage"),
    ],
)
def test_wrong_input_is_explained(ratings, options, error, part):
    with pytest.raises(error, match=part):
        mean_opinion_score(ratings, **options)


def test_a_rating_without_system_is_refused_where_systems_are_compared():
    with pytest.raises(InvalidArgumentError, match="mean_opinion_score"):
        mean_opinion_scores([Rating(4.0)])


def test_intelligibility_is_the_character_error_rate_of_a_recogniser():
    from speech_tracker.evaluation.score import score

    prompts = {"s1": "the quick brown fox", "s2": "good morning"}
    assert score(prompts, {"s1": "the quick brown box", "s2": "good morning"}, unit="char").error_rate == 1 / 31
