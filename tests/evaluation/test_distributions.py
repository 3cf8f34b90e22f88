from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from speech_tracker.evaluation import distributions


@pytest.mark.parametrize("z", [0.0, 0.3, 1.96, 5.0, 12.0])
def test_normal_tails_equal_scipys(z):
    assert distributions.normal_two_sided(z) == pytest.approx(2 * stats.norm.sf(z), rel=1e-10)
    assert distributions.normal_cdf(-z) == pytest.approx(stats.norm.cdf(-z), rel=1e-10)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 400), st.integers(0, 400))
def test_the_fair_coin_equals_scipys_binomial_test(a, b):
    expected = stats.binomtest(a, a + b).pvalue if a + b else 1.0
    assert distributions.binomial_two_sided(a, a + b) == pytest.approx(expected, rel=1e-9)


def test_a_fair_coin_that_falls_evenly_has_p_1():
    assert distributions.binomial_two_sided(7, 15) == 1.0


def test_the_fair_coin_does_not_lose_digits_with_many_throws():
    for a, b in [(9_900, 10_300), (51_000, 50_000), (300_000, 301_000)]:
        assert distributions.binomial_two_sided(a, a + b) == pytest.approx(stats.binomtest(a, a + b).pvalue, rel=1e-7)


@pytest.mark.parametrize("degrees", [1, 2, 5, 19, 100, 5000])
@pytest.mark.parametrize("probability", [0.025, 0.5, 0.9, 0.975, 0.9995])
def test_students_quantiles_equal_scipys(degrees, probability):
    expected = stats.t.ppf(probability, degrees)
    assert distributions.student_quantile(probability, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.001, 300), st.integers(1, 60))
def test_chi_squared_tails_equal_scipys(value, degrees):
    assert distributions.chi_squared_tail(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees), rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1), st.floats(0.5, 200), st.floats(0.5, 200))
def test_the_incomplete_beta_function_equals_scipys(x, a, b):
    assert distributions.regularized_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-9, abs=1e-13)
