import numpy as np
import pytest

from harness.analysis import Verdict
from harness.analysis.compare import Change, Identity, Tolerance, UnlikeRunsError, compare
from harness.results import Outcome
from tests.harness.analysis.worlds import run

ALIKE = (Identity("abc", "http://t", "m"),) * 2


def verdict(seed: int, bad_share: float, judged_s: float = 120) -> Verdict:
    world = run(seed=seed, judged_s=judged_s)
    rng = np.random.default_rng(seed)
    mask = (world.array["phase"] == 1) & (rng.random(len(world.array)) < bad_share)
    return world.fail(mask, Outcome.SERVER_ERROR).judged("errors < 10%")


def change(old: float, new: float) -> Change:
    return compare(verdict(1, old), verdict(2, new), ALIKE)[0].change


def test_a_clear_regression_and_a_clear_gain() -> None:
    assert change(0.01, 0.06) is Change.WORSE
    assert change(0.06, 0.01) is Change.BETTER


def test_the_same_is_no_alarm_and_little_data_is_unclear() -> None:
    assert change(0.03, 0.033) is Change.UNCLEAR
    assert compare(verdict(1, 0), verdict(1, 0), ALIKE)[0].change is Change.SAME


def test_a_negligible_share_is_nobodys_concern() -> None:
    base, new = verdict(1, 0.0), verdict(2, 0.03)
    assert compare(base, new, ALIKE)[0].change is Change.WORSE
    assert compare(base, new, ALIKE, Tolerance(floor=0.2))[0].change is Change.SAME


def test_equal_systems_raise_few_alarms() -> None:
    """At alpha = .01 some 1 in 200 comparisons of equal systems would alarm by chance, one-sided."""
    verdicts = [verdict(seed, 0.04, judged_s=45) for seed in range(40)]
    alarms = sum(
        compare(a, b, ALIKE)[0].change is Change.WORSE for a, b in zip(verdicts[::2], verdicts[1::2], strict=True)
    )
    assert alarms <= 1


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (Identity("xyz", "http://t", "m"), "plan hash"),
        (Identity("abc", "http://u", "m"), "target"),
        (Identity("abc", "http://t", "n"), "machine"),
    ],
)
def test_unlike_runs_are_refused_unless_told(other: Identity, says: str) -> None:
    """Row 55 of the lie detector."""
    pair = (verdict(1, 0.01), verdict(2, 0.01))
    with pytest.raises(UnlikeRunsError, match=says):
        compare(*pair, (ALIKE[0], other))
    assert compare(*pair, (ALIKE[0], other), anyway=True)


def test_a_spoiled_run_is_compared_with_nothing() -> None:
    broken = run().change(telemetry=None).judged("errors < 10%")
    with pytest.raises(UnlikeRunsError, match="INVALID"):
        compare(verdict(1, 0.01), broken, ALIKE)
    with pytest.raises(UnlikeRunsError, match="no SLO"):
        compare(verdict(1, 0.01), run().judged("e2e p95 <= 4s"), ALIKE)


def test_the_interval_holds_the_difference() -> None:
    one = compare(verdict(1, 0.02), verdict(2, 0.06), ALIKE)[0]
    assert one.low < one.share - one.base_share < one.high
    assert 0 < one.p_value < 0.01
