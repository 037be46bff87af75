from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.engine import Progress
from harness.report.live import HEIGHT, LivePlan, LiveSlo, Moment, live_lines, log_lines, sparkline

PLAN = LivePlan((("warm", 0, 30), ("peak", 30, 1230), ("cool", 1230, 1260)), np.arange(0, 1260, 0.05))
TTFT = LiveSlo("ttft p95", 1.2, 2.0, "s", recent=(0.8, 1.0, 1.2), n=400)


def at(elapsed_s: float, **facts: object) -> Moment:
    given_ = {
        "state": "running",
        "fired": int(elapsed_s * 20),
        "outcomes": {"ok": int(elapsed_s * 19), "throttled": 3},
        "workers": 2,
        "workers_alive": 2,
        "cpu_share": 0.3,
        "send_lag_s_p99": 0.0004,
    }
    return Moment(**{**given_, "elapsed_s": elapsed_s, **facts})  # type: ignore[arg-type] -- a table of facts


rough = st.sampled_from([math.nan, math.inf, -1.0, 0.0, 1e-9, 0.5, 3.0, 1e9])
counts = st.sampled_from([0, 1, 7702, 10**9])
names = st.sampled_from(["ok", "degraded", "throttled", "\x1b[2J", "x" * 200, "a\nb", ""])
moments = st.builds(
    Moment,
    state=st.sampled_from(["starting", "warming", "running", "draining", "done", "failed", "\x1b[2J"]),
    elapsed_s=st.sampled_from([-9.0, 0.0, 0.1, 29.9, 30.0, 700.0, 1260.0, 1e6]),
    fired=counts,
    in_flight=counts,
    outcomes=st.dictionaries(names, counts, max_size=4),
    send_lag_s_p99=st.sampled_from([0.0, 0.0004, 99.0]),
    workers=st.integers(0, 2),
    detail=names,
    slos=st.lists(
        st.builds(LiveSlo, names, rough, rough, st.sampled_from(["s", "share", "1/s"]), n=counts), max_size=6
    ).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(moments, max_size=3), st.sampled_from([0, 60, 80, 200]))
def test_the_block_never_changes_its_height_nor_leaves_its_width(seen: list[Moment], width: int) -> None:
    lines = live_lines(seen, PLAN, width)
    assert len(lines) == HEIGHT
    assert max(map(len, lines)) <= max(60, width)
    assert not re.search("[\x00-\x1f\x7f-\x9f]", "".join(lines))


def test_the_four_questions_are_answered() -> None:
    text = "\n".join(live_lines([at(60), at(65, slos=(TTFT,))], PLAN, 100))
    assert "stage 2/3 peak" in text
    assert "19:25 left in it" in text
    assert "asked 20/s  got 20/s" in text
    assert "✓ ttft p95" in text
    assert "limit 2 s" in text
    assert "+40 %" in text
    assert "TRUST  ✓ ok  send lag p99 0.4 ms" in text


@pytest.mark.parametrize(
    ("facts", "doubt"),
    [
        ({"send_lag_s_p99": 0.3}, "send lag"),
        ({"cpu_share": 0.95}, "generator CPU"),
        ({"workers_alive": 1}, "worker lost"),
        ({"not_sent": 4}, "arrivals not sent"),
    ],
)
def test_what_spoils_the_numbers_is_said_at_once(facts: dict[str, object], doubt: str) -> None:
    assert f"TRUST  ✗ {doubt}" in "\n".join(live_lines([at(60), at(65, **facts)], PLAN))


def test_the_worst_slo_is_on_top_and_an_unknown_one_is_not_good_news() -> None:
    slos = (TTFT, LiveSlo("goodput", 0.5, 0.9, "share", at_least=True, n=9), LiveSlo("e2e p95", math.nan, 8.0, "s"))
    rows = [row for row in live_lines([at(60, slos=slos)], PLAN) if "limit" in row]
    assert [row[8] for row in rows] == ["✗", "?", "✓"]
    assert "goodput" in rows[0]


def test_a_pipeline_log_of_twenty_minutes_has_about_25_lines() -> None:
    seen: list[Moment] = []
    log = []
    for half_second in range(2520):
        seen.append(at(half_second / 2))
        log += log_lines(seen[-20:], PLAN) if half_second else log_lines(seen, PLAN)
    log += log_lines([*seen[-5:], at(1260, state="draining")], PLAN)
    assert 20 <= len(log) <= 35
    assert sum("stage 2/3 peak" in text for text in log) >= 18
    assert "draining" in log[-1]
    assert not any("\x1b" in text for text in log)


def test_a_sparkline_shows_failures_full_and_gaps_empty() -> None:
    assert sparkline([0, 1, 2, math.nan, math.inf]) == "▁▅█ █"
    assert len(sparkline(list(range(100)))) == 20
    assert sparkline([]) == ""


def test_the_engines_progress_is_taken_as_it_is() -> None:
    moment = Moment.of(Progress("running", elapsed_s=3.0, start_ns=5, outcomes={"ok": 2}))
    assert (moment.state, moment.elapsed_s, moment.outcomes) == ("running", 3.0, {"ok": 2})
