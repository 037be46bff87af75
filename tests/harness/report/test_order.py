from __future__ import annotations

from dataclasses import replace

from harness.analysis import FailureMode, State
from harness.report import Report
from harness.report.order import failure_groups, latency_checks, quantile_of, worst_first


def test_missed_before_unknown_before_undecided_before_met(reports: dict[str, Report]) -> None:
    checks = [c for name in ("pass", "fail", "inconclusive", "invalid") for c in reports[name].verdict.checks]
    blocking = [c.state for c in worst_first(checks) if c.gate == "block"]
    rank = [State.MISSED, State.NO_DATA, State.UNDECIDED, State.MET]
    assert blocking == sorted(blocking, key=rank.index)
    assert [c.gate for c in worst_first(checks)] == sorted((c.gate for c in checks), key=["block", "warn"].index)


def test_groups_add_up() -> None:
    modes = [
        FailureMode("timeout", "deadline", 3, 0.3, 5, 9),
        FailureMode("throttled", "none", 6, 0.6, 1, 2),
        FailureMode("timeout", "idle", 1, 0.1, 2, 3),
    ]
    groups = failure_groups(modes)
    assert [(g.outcome, g.count) for g in groups] == [("throttled", 6), ("timeout", 4)]
    assert groups[1].reasons == ("deadline", "idle")
    assert (groups[1].first_s, groups[1].last_s) == (2, 9)


def test_only_latency_checks_with_data_are_drawn(reports: dict[str, Report]) -> None:
    assert [c.metric for c in latency_checks(reports["invalid"].verdict)] == ["ttft", "e2e"]
    check = reports["pass"].verdict.checks[0]
    assert quantile_of(check) == 0.95
    assert quantile_of(replace(check, allowed_share=float("nan"))) == 0.95
