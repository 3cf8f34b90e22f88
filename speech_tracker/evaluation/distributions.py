"""Tail probabilities and quantiles of the few distributions that the tests need, without SciPy.

Tested against SciPy to ten digits.
"""

from __future__ import annotations

import math
from statistics import NormalDist

_STANDARD = NormalDist()


def normal_quantile(probability: float) -> float:
    """Return z with P(Z <= z) = `probability`, for a standard normal Z."""
    return _STANDARD.inv_cdf(probability)


def normal_cdf(z: float) -> float:
    """Return P(Z <= z) for a standard normal Z."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def normal_two_sided(z: float) -> float:
    """Return the two-tailed p value P(|Z| >= |z|) for a standard normal Z."""
    return math.erfc(abs(z) / math.sqrt(2))


def binomial_two_sided(successes: int, trials: int) -> float:
    """Return the exact two-tailed p value of `successes` out of `trials` throws of a fair coin.

    It is twice the smaller tail, at most 1; exact whole-number arithmetic, so no size of test set loses digits.
    """
    tail = min(successes, trials - successes)
    if 2 * tail >= trials:
        return 1.0
    if trials > 20_000:  # the sum of huge whole numbers gets slow; here the beta function has all the digits
        return min(1.0, 2 * regularized_beta(0.5, trials - tail, tail + 1))
    term, total = 1, 1
    for k in range(1, tail + 1):
        term = term * (trials - k + 1) // k
        total += term
    return min(1.0, total / (1 << (trials - 1)))


def student_quantile(probability: float, degrees: float) -> float:
    """Return t with P(T <= t) = `probability`, for Student's T with `degrees` degrees of freedom."""
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -student_quantile(1 - probability, degrees)
    low, high = 0.0, 2.0
    while student_two_sided(high, degrees) > 2 * (1 - probability):
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if student_two_sided(middle, degrees) > 2 * (1 - probability):
            low = middle
        else:
            high = middle
        if high - low <= 1e-13 * high:
            break
    return (low + high) / 2


def student_two_sided(t: float, degrees: float) -> float:
    """Return the two-tailed p value P(|T| >= |t|), for Student's T with `degrees` degrees of freedom."""
    return regularized_beta(degrees / (degrees + t * t), degrees / 2, 0.5)


def chi_squared_tail(value: float, degrees: int) -> float:
    """Return P(X >= value), for X chi-squared with `degrees` degrees of freedom."""
    if value <= 0:
        return 1.0
    return _upper_gamma(degrees / 2, value / 2)


def regularized_beta(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b).

    Source: the continued fraction 26.5.8 of Abramowitz & Stegun, evaluated by Lentz's method.
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - regularized_beta(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / ((1.0 + step * d) or tiny)
            c = (1.0 + step / c) or tiny
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return front * value


def _upper_gamma(a: float, x: float) -> float:
    """Return the regularized upper incomplete gamma function Q(a, x)."""
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:  # the power series of the lower function converges fast here
        term = total = 1.0 / a
        k = a
        while term > total * 1e-17:
            k += 1
            term *= x / k
            total += term
        return 1.0 - front * total
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    value = d
    for i in range(1, 10_000):
        step = -i * (i - a)
        b += 2
        d = 1.0 / ((step * d + b) or tiny)
        c = (b + step / c) or tiny
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return front * value
