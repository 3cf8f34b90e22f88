from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.tasks.detection import detection_curve
from speech_tracker.evaluation.tasks.keyword_spotting import keyword_spotting, wilson_interval
from speech_tracker.evaluation.tasks.verification import verification

scores = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30)


@settings(max_examples=80, deadline=None)
@given(scores, st.lists(st.integers(-5, 5).map(float), max_size=30))
def test_each_point_of_the_curve_is_what_its_threshold_does(targets, nontargets):
    curve = detection_curve(targets, nontargets)
    for threshold, misses, alarms in zip(curve.thresholds, curve.misses, curve.false_alarms, strict=True):
        assert misses == sum(score < threshold for score in targets)
        assert alarms == sum(score >= threshold for score in nontargets)
    assert (curve.misses[-1], curve.false_alarms[-1]) == (len(targets), 0)
    assert (curve.misses[0], curve.false_alarms[0]) == (0, len(nontargets))


class TestKeywordSpotting:
    found = keyword_spotting([0.9, 0.8, 0.7, 0.4, -np.inf], [0.95, 0.75, 0.5, 0.3, 0.2, 0.1], hours=2.0)

    def test_a_budget_of_false_alarms_gives_the_fewest_misses(self):
        point = self.found.at_false_alarms(1.0)
        assert (point.false_alarms, point.false_rejects, point.threshold) == (2, 2, 0.7)
        assert point.false_alarms_per_hour == 1.0
        strict = self.found.at_false_alarms(0)
        assert (strict.false_alarms, strict.false_reject_rate) == (0, 1.0)
        assert self.found.at_false_alarms(100).false_rejects == 1

    def test_a_budget_of_misses_gives_the_fewest_false_alarms(self):
        assert self.found.at_false_rejects(0.4).false_alarms == 2
        assert self.found.at_false_rejects(1.0).false_alarms == 0
        assert self.found.at_false_rejects(0.0).false_alarms == 6

    def test_a_threshold_set_beforehand_is_looked_up(self):
        point = self.found.at_threshold(0.6)
        assert (point.threshold, point.false_rejects, point.false_alarms) == (0.6, 2, 2)
        assert self.found.at_threshold(99).false_rejects == 5

    def test_the_det_points_run_from_many_false_alarms_to_none(self):
        points = self.found.points()
        assert points[0] == (3.0, 0.2)
        assert points[-1] == (0.0, 1.0)
        assert points == sorted(points, key=lambda point: (-point[0], point[1]))

    def test_the_reported_points_can_be_logged_and_written(self):
        assert self.found.metrics()["false_reject_rate_at_1_false_alarms_per_hour"] == 0.4
        assert "false_reject_rate_at_0_1_false_alarms_per_hour" in self.found.metrics()
        document = json.loads(json.dumps(self.found.as_dict(), allow_nan=False))
        assert document["points"][2]["false_alarms"] == 2

    def test_the_interval_of_the_false_reject_rate_is_wilsons(self):
        for misses, keywords in [(0, 20), (3, 20), (20, 20), (17, 900)]:
            theirs = stats.binomtest(misses, keywords).proportion_ci(method="wilson")
            assert wilson_interval(misses, keywords) == pytest.approx((theirs.low, theirs.high), abs=1e-4)
        point = self.found.at_false_alarms(1.0)
        assert point.false_reject_low < point.false_reject_rate < point.false_reject_high

    @pytest.mark.parametrize(
        ("arguments", "error", "part"),
        [
            (([1.0], [], 0), InvalidArgumentError, "hours"),
            (([], [1.0], 1), ScoringError, "at least one target"),
            (([float("nan")], [1.0], 1), InvalidArgumentError, "NaN"),
        ],
    )
    def test_wrong_input_is_explained(self, arguments, error, part):
        with pytest.raises(error, match=part):
            keyword_spotting(*arguments)

    def test_wrong_budgets_are_explained(self):
        with pytest.raises(InvalidArgumentError, match="0 or more"):
            self.found.at_false_alarms(-1)
        with pytest.raises(InvalidArgumentError, match="fraction"):
            self.found.at_false_rejects(5)


class TestVerification:
    def test_the_equal_error_rate_of_two_normal_distributions_is_known(self):
        rng = np.random.default_rng(0)
        found = verification(rng.normal(2, 1, 40_000), rng.normal(0, 1, 40_000))
        assert found.eer == pytest.approx(stats.norm.cdf(-1), abs=0.004)
        assert found.eer_threshold == pytest.approx(1.0, abs=0.03)

    def test_separated_scores_have_no_error_and_exchanged_ones_nothing_else(self):
        assert verification([2, 3], [0, 1]).metrics() == {"eer": 0.0, "min_dcf": 0.0}
        assert verification([0, 1], [2, 3]).eer == 1.0

    def test_the_detection_cost_is_normalised_by_the_blind_system(self):
        found = verification([1.0, 3.0], [0.0, 2.0], p_target=0.5)
        assert found.min_dcf == pytest.approx(0.5)
        assert verification([0.0], [0.0]).min_dcf <= 1

    @settings(max_examples=80, deadline=None)
    @given(scores, scores)
    def test_the_equal_error_rate_lies_between_the_rates_of_its_neighbours(self, targets, nontargets):
        found = verification(targets, nontargets)
        assert 0 <= found.eer <= 1
        gap = np.abs(found.curve.miss_rate - found.curve.false_alarm_rate)
        nearest = int(np.argmin(gap))
        mean = (found.curve.miss_rate[nearest] + found.curve.false_alarm_rate[nearest]) / 2
        assert abs(found.eer - mean) <= gap.max()

    def test_wrong_input_is_explained(self):
        with pytest.raises(ScoringError, match="non-target"):
            verification([1], [])
        with pytest.raises(InvalidArgumentError, match="p_target"):
            verification([1], [0], p_target=1)
