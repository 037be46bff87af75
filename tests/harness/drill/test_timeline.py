import pytest

from harness.drill import timeline_of
from tests.harness.drill.planted import drill


def test_phases_follow_each_other_without_a_gap() -> None:
    line = timeline_of(drill(load={"rate": "30/s", "warm": "5s", "tail": "7s", "hint": "3s"}), 99)
    names, starts, ends = zip(*line.phases(), strict=True)
    assert names == ("warm", "baseline", "detect", "hold", "recover", "after")
    assert starts == (0, 5, 25, 35, 85, 103) and ends == (*starts[1:], 110)
    assert line.rate_per_s == 30


def test_the_load_covers_the_same_time_at_one_rate() -> None:
    line = timeline_of(drill(), 12.5)
    warm, *constant = line.segments()
    assert warm["ramp"] == ["3.125000/s", "12.500000/s"]
    assert {s["hold"] for s in constant} == {"12.500000/s"}
    assert sum(float(s["for"][:-1]) for s in line.segments()) == pytest.approx(line.end_s)


def test_faults_of_both_kinds_end_the_fault_phase_together() -> None:
    leased = [{"on": "a", "fault": "error", "for": "10s"}, {"on": "b", "fault": "error", "after": "20s", "for": "10s"}]
    program = {"name": "x", "provider": {"type": "process", "path": "true"}}
    words = {"action": program, "rollback": program, "gone": program, "after": "5s", "for": "40s"}
    line = timeline_of(drill(faults=leased, outside=[words]), 1)
    assert [(s.start_s, s.end_s) for s in line.spans] == [(25, 35), (45, 55)]
    assert [(s.start_s, s.end_s) for s in line.outside] == [(30, 70)]
    assert line.revert_s == 70


def test_a_drill_that_expects_no_degraded_mode_has_no_deadline_for_it() -> None:
    line = timeline_of(drill(expect={"recovered": {"within": "5s"}}), 1)
    assert "detect" not in [name for name, *_ in line.phases()]
