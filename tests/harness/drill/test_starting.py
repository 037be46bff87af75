from datetime import UTC, datetime

import pytest

from harness.drill import refusal_to_start
from harness.errors import UsageError
from tests.harness.drill.planted import drill

WINDOW = {"days": ["tue", "thu"], "from": "09:00", "to": "16:00", "zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("moment", "may"),
    [
        ("2026-06-02T07:00", True),  # Tuesday 09:00 in Berlin, summer
        ("2026-06-02T06:59", False),
        ("2026-06-02T14:00", True),
        ("2026-06-02T14:01", False),
        ("2026-01-06T08:00", True),  # winter
        ("2026-01-06T07:30", False),
        ("2026-06-03T10:00", False),  # Wednesday
    ],
)
def test_the_window_is_by_the_clock_of_its_zone(moment: str, may: bool) -> None:
    why = refusal_to_start(drill(window=WINDOW), datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert (why == "") is may
    assert may or "outside its window" in why


@pytest.mark.parametrize(("day", "may"), [("2026-12-19", True), ("2026-12-20", False), ("2027-01-06", False)])
def test_a_blackout_has_both_its_days(day: str, may: bool) -> None:
    frozen = drill(blackout=[{"from": "2026-12-20", "to": "2027-01-06", "why": "change freeze"}])
    why = refusal_to_start(frozen, datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC))
    assert (why == "") is may and (may or "change freeze" in why)


def test_without_a_window_any_time_will_do_and_a_zone_must_exist() -> None:
    assert refusal_to_start(drill(), datetime(2026, 1, 1, 3, tzinfo=UTC)) == ""
    with pytest.raises(UsageError, match="no time zone"):
        refusal_to_start(drill(window={**WINDOW, "zone": "Mars/Olympus"}), datetime(2026, 1, 1, tzinfo=UTC))
