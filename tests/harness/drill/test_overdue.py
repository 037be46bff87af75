import math
from datetime import UTC, datetime, timedelta

import pytest

from harness.drill import PastDrill, standing

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY_S = 86_400.0


def run(days_ago: float, result: str = "HELD", title: str = "t") -> PastDrill:
    return PastDrill(title, NOW - timedelta(days=days_ago), result, f"r{days_ago:g}")


@pytest.mark.parametrize(
    ("past", "overdue_days"),
    [
        ([], math.inf),
        ([run(3)], 0),
        ([run(8)], 1),
        ([run(3), run(8)], 0),
        ([run(8), run(3)], 0),
        ([run(8, "DID NOT HOLD")], 1),
        ([run(8), run(1, "INVALID"), run(0.5, "NOT RUN")], 1),
        ([run(1, title="another")], math.inf),
    ],
)
def test_a_weekly_drill(past: list[PastDrill], overdue_days: float) -> None:
    assert standing("t", 7 * DAY_S, past, NOW).overdue_s == overdue_days * DAY_S


def test_what_is_not_to_be_repeated_is_never_overdue() -> None:
    assert standing("t", None, [], NOW).overdue_s == 0
    seen = standing("t", None, [run(400), run(2, "INVALID")], NOW)
    assert seen.overdue_s == 0 and seen.last == run(2, "INVALID") and seen.told == run(400)
