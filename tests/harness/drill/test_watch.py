import pytest

from harness.drill import Watch, parse_abort
from tests.harness.drill.planted import drill

RULE = parse_abort("errors > 25% for 3s")


def fed(bad_per_s: int, seconds: int, total_per_s: int = 40) -> Watch:
    watch = Watch()
    for second in range(1, seconds + 1):
        watch.feed(second, {"ok": (total_per_s - bad_per_s) * second, "timeout": bad_per_s * second})
    return watch


@pytest.mark.parametrize(("bad", "aborts"), [(0, False), (10, False), (11, True), (40, True)])
def test_the_share_of_the_last_seconds_decides(bad: int, aborts: bool) -> None:
    assert bool(fed(bad, 6).aborts(RULE, 6)) is aborts


def test_not_before_its_time_is_over_nor_on_a_handful() -> None:
    assert not fed(40, 3).aborts(RULE, 3)
    assert not fed(5, 6, total_per_s=5).aborts(RULE, 6), "15 requests are no ground"
    assert not Watch().aborts(RULE, 99)


def test_an_old_burst_is_forgotten() -> None:
    watch = fed(40, 3)
    for second in range(4, 9):
        watch.feed(second, {"ok": 40 * (second - 3), "timeout": 120})
    assert not watch.aborts(RULE, 8)


def test_the_steady_state_is_broken_only_for_certain() -> None:
    state = drill().steady_state
    assert not fed(0, 6).unsteady(state, 1)
    assert "errors 25.0% of 200" in fed(10, 6).unsteady(state, 1)
    assert not fed(1, 1, total_per_s=29).unsteady(state, 0), "one in 29 proves nothing"
