from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from harness.errors import UsageError
from harness.forecast import Uplift, generate_history, peak_from_json
from harness.run.forecasting import Asked, foresee, uplift_of, write_peak

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_an_uplift_is_named_and_dated() -> None:
    assert uplift_of("big sale=1.6@2026-11-27T09:00/2026-11-27T18:00") == Uplift(
        "big sale", "2026-11-27T09:00", "2026-11-27T18:00", 1.6
    )


@pytest.mark.parametrize("text", ["", "sale", "sale=2", "sale=x@a/b", "=2@a/b", "sale=-1@a/b", "sale=2@a"])
def test_an_uplift_that_says_too_little_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="uplift is"):
        uplift_of(text)


def test_an_uplift_lifts_the_peak(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text(generate_history(3, peak_per_s=30.0))
    asked = Asked(history=str(tmp_path / "h.csv"))
    plain = foresee(asked, NOW).peak
    start = datetime.fromisoformat(plain.start)
    event = Uplift("sale", f"{start:%Y-%m-%d}T00:00", f"{start:%Y-%m-%d}T23:59", 2.0)
    lifted = foresee(Asked(history=asked.history, uplifts=(event,)), NOW).peak
    assert lifted.expected_peak_per_s == pytest.approx(2 * plain.expected_peak_per_s, rel=0.1)
    assert any("sale: times 2" in note for note in lifted.notes)


def test_a_log_of_days_is_observed_on_demand_with_its_requests_and_their_journeys(tmp_path: Path) -> None:
    times = np.sort(np.random.default_rng(1).random(6000)) * 4 * 86_400
    rows = (f'{{"t": {t:.3f}, "path": "/{"ab"[i % 2]}"}}' for i, t in enumerate(times))
    (tmp_path / "log.jsonl").write_text("\n".join(rows))
    asked = Asked(history=str(tmp_path / "log.jsonl"), journeys=("x=/a", "y=/b"))
    assert foresee(asked, NOW).peak.recorded is None
    observed = foresee(Asked(asked.history, journeys=asked.journeys, observed=True), NOW).peak
    assert observed.label == "OBSERVED"
    write_peak(observed, tmp_path / "peak.json")
    back = peak_from_json((tmp_path / "peak.json").read_text())
    assert back.recorded is not None
    assert back.recorded.journeys is not None
    assert list(back.recorded.journeys[:4]) == [0, 1, 0, 1]
    assert back.recorded.offsets_s.size == pytest.approx(6000, abs=5)
