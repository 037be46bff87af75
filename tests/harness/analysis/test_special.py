import math

import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.special import (
    beta_quantile,
    beta_share,
    chi_square_tail,
    normal_quantile,
    normal_tail,
    t_quantile,
    t_tail,
)

shapes = st.floats(0.5, 1e6)


@given(x=st.floats(0.0001, 0.9999), a=shapes, b=shapes)
def test_the_incomplete_beta_is_scipys(x: float, a: float, b: float) -> None:
    assert beta_share(x, a, b) == pytest.approx(scipy.special.betainc(a, b, x), rel=1e-6, abs=1e-12)


@given(p=st.sampled_from([0.001, 0.01, 0.05, 0.5, 0.9, 0.99, 0.9983]), bad=st.floats(0, 5e4), good=st.floats(1, 1e6))
def test_the_beta_quantile_is_scipys_and_inverts(p: float, bad: float, good: float) -> None:
    x = beta_quantile(p, bad + 1, good)
    assert x == pytest.approx(scipy.stats.beta.ppf(p, bad + 1, good), rel=1e-6, abs=1e-13)
    assert beta_share(x, bad + 1, good) == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize("p", [1e-9, 1e-4, 0.01, 0.02425, 0.3, 0.5, 0.8, 0.99, 0.9983333, 1 - 1e-9])
def test_the_normal_quantile_is_scipys(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(scipy.stats.norm.ppf(p), rel=1e-7, abs=1e-12)
    assert normal_tail(normal_quantile(p)) == pytest.approx(1 - p, rel=1e-6)


@pytest.mark.parametrize("df", [1, 2, 5, 18, 19, 400])
@pytest.mark.parametrize("p", [0.001, 0.01, 0.5, 0.9, 0.99, 0.99833])
def test_students_t_is_scipys(p: float, df: int) -> None:
    t = t_quantile(p, df)
    assert t == pytest.approx(scipy.stats.t.ppf(p, df), rel=1e-8, abs=1e-12)
    assert t_tail(t, df) == pytest.approx(1 - p, rel=1e-8)


@given(x=st.floats(0, 2000), df=st.integers(1, 500))
def test_the_chi_square_tail_is_scipys(x: float, df: int) -> None:
    assert chi_square_tail(x, df) == pytest.approx(scipy.stats.chi2.sf(x, df), rel=1e-7, abs=1e-13)


def test_the_ends_of_the_beta_distribution() -> None:
    assert (beta_share(0, 2, 3), beta_share(1, 2, 3)) == (0, 1)
    assert (beta_quantile(0, 2, 3), beta_quantile(1, 2, 3)) == (0, 1)
    assert math.isclose(beta_share(0.5, 7, 7), 0.5)
