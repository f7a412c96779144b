"""The exponential every probability rests on: within its error bound, the same bits compiled or not, clipped."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.elementary import exp, floor, logistic, power_of_two
from sim.jit import compiled

BOUND = 2.3e-16  # relative; half a unit in the last place is between 0.56e-16 and 1.11e-16


@compiled
def exp_of_all(x):
    y = np.empty_like(x)
    for k in range(len(x)):
        y[k] = exp(x[k])
    return y


@compiled
def logistic_of_all(x):
    y = np.empty_like(x)
    for k in range(len(x)):
        y[k] = logistic(x[k])
    return y


def points(n):
    """Where the model asks for it (utilities below the best), over the whole range, around the reduction steps."""
    rng = np.random.default_rng(5)
    edges = (np.arange(-1000, 1000) + 0.5) * math.log(2.0)
    around = np.concatenate([np.nextafter(edges, -np.inf), edges, np.nextafter(edges, np.inf)])
    return np.concatenate([
        rng.uniform(-30, 0, n), rng.uniform(-708, 708, n), rng.uniform(-1, 1, n), around[np.abs(around) <= 708],
        rng.uniform(-1, 1, n) * 1e-8, [0.0, -0.0, 1.0, -1.0, 708.0, -708.0, 5e-324],
    ])  # fmt: skip


def error(x: float) -> float:
    """Relative error at x, against 40 correct digits."""
    with localcontext() as context:
        context.prec = 40
        true = Decimal(x).exp()
        return float(abs(Decimal(exp(x)) - true) / true)


def test_the_error_stays_below_its_bound():
    assert max(error(float(x)) for x in points(1500)) < BOUND


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 2e-19, reason="no number wider than a double here")
def test_the_error_stays_below_its_bound_at_a_million_points():
    x = points(250_000)
    true = np.exp(x.astype(np.longdouble))
    assert float(np.max(np.abs(exp_of_all(x) - true) / true)) < BOUND


@pytest.mark.parametrize(("whole", "of_all"), [(exp, exp_of_all), (logistic, logistic_of_all)])
def test_compiled_and_interpreted_give_the_same_bits(whole, of_all):
    x = np.concatenate([points(5000), [-1e300, 1e300, 709.0, -709.0]])
    assert of_all(x).tobytes() == np.array([whole(float(v)) for v in x]).tobytes()


@pytest.mark.parametrize("beyond", [708.0, 708.1, 1e4, 1e300, 1.7976931348623157e308])
def test_beyond_708_it_is_clipped(beyond):
    assert exp(beyond) == exp(708.0) < math.inf
    assert exp(-beyond) == exp(-708.0) > 0.0


def test_known_values():
    assert exp(0.0) == 1.0
    assert exp(1.0) == pytest.approx(math.e, rel=BOUND)
    assert logistic(0.0) == 0.5
    assert logistic(800.0) == 1.0 and 0.0 < logistic(-800.0) < 1e-300


@given(st.floats(-708, 708), st.floats(-708, 708))
def test_the_logistic_function_rises_and_is_symmetric(x, y):
    low, high = sorted((x, y))
    assert 0.0 < logistic(low) <= logistic(high) <= 1.0
    assert logistic(x) + logistic(-x) == pytest.approx(1.0, abs=2.3e-16)


@pytest.mark.parametrize("k", [-1022.0, -1.0, 0.0, 1.0, 52.0, 1023.0])
def test_powers_of_two_are_exact(k):
    assert power_of_two(k) == 2.0**k


@pytest.mark.parametrize(("x", "whole"), [(1.5, 1.0), (-1.5, -2.0), (2.0, 2.0), (-0.0, 0.0), (-1e-300, -1.0)])
def test_floor_is_the_whole_number_below(x, whole):
    assert floor(x) == whole
