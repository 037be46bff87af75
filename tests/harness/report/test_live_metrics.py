from __future__ import annotations

from dataclasses import replace

import numpy as np
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from harness.report import LivePlan, LiveSlo, Moment, Report, RunLabels, live_metrics, openmetrics
from harness.report.exposition import as_prometheus
from tests.harness.report.conftest import HOSTILE

PLAN = LivePlan((("warm", 0.0, 10.0), ("peak", 10.0, 60.0)), np.arange(0.0, 60.0, 0.1))
LABELS = RunLabels("chat.yaml", "http://127.0.0.1:8080", "7f3k", "ab12")
NOW = Moment(
    "running", 20.05, 600, 199, 190, 1, 9, {"ok": 180, "throttled": 9, "not_sent": 1}, 0.002, 0.25, 2, 2,
    slos=(LiveSlo("ttft p95", 1.2, 2.0, "s", n=80), LiveSlo("errors", 0.2, 0.03, "share", n=80)),
)  # fmt: skip


def values(text: str) -> dict[str, float]:
    """Sample -> value, by the parser of the older format; the labels that stand on every sample are left out."""
    found = {}
    for family in text_string_to_metric_families(as_prometheus(text)):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            labels = [f"{k}={v}" for k, v in sample.labels.items() if k not in ("plan", "target")]
            found[" ".join([sample.name, *labels])] = sample.value
    return found


def test_a_run_under_way_says_what_is_planned_sent_finished_and_whether_to_trust_it() -> None:
    found = values(live_metrics(NOW, PLAN, LABELS))
    assert found["peakproof_load_planned_arrivals"] == 600
    assert found["peakproof_load_due_total"] == 201
    assert found["peakproof_load_sent_total"] == 199
    assert found["peakproof_load_finished_total outcome=throttled"] == 9
    assert found["peakproof_load_in_flight"] == 9
    assert found["peakproof_load_send_lag_p99_seconds"] == 0.002 < found["peakproof_load_send_lag_limit_seconds"]
    assert found["peakproof_load_cpu_ratio"] == 0.25
    assert found["peakproof_load_phase phase=peak number=2"] == 1
    states = {name.split("=")[1]: value for name, value in found.items() if name.startswith("peakproof_load_state ")}
    assert [state for state, value in states.items() if value] == ["running"] and len(states) == 6
    assert found["peakproof_run_info run_id=7f3k plan_hash=ab12"] == 1
    assert not any(name.startswith("peakproof_verdict") for name in found), "there is none yet"


def test_an_slo_is_told_in_its_own_unit_and_not_at_all_before_it_has_a_request() -> None:
    found = values(live_metrics(NOW, PLAN, LABELS))
    assert found["peakproof_load_slo_value_seconds slo=ttft p95 phase=peak"] == 1.2
    assert found["peakproof_load_slo_limit_ratio slo=errors phase=peak"] == 0.03
    assert found["peakproof_load_slo_inside slo=ttft p95 phase=peak"] == 1
    assert found["peakproof_load_slo_inside slo=errors phase=peak"] == 0
    early = values(live_metrics(replace(NOW, slos=(replace(NOW.slos[0], n=0),)), PLAN, LABELS))
    assert not any("slo_value" in name or "slo_inside" in name for name in early)


def test_before_the_load_begins_nothing_is_due_and_no_phase_is_on() -> None:
    found = values(live_metrics(Moment("warming", -3.0, planned=600), PLAN, LABELS))
    assert found["peakproof_load_due_total"] == found["peakproof_load_elapsed_seconds"] == 0
    assert not any("load_phase" in name for name in found)


def test_at_the_end_the_verdict_stands_beside_the_load(named_report: tuple[str, Report]) -> None:
    _, report = named_report
    text = live_metrics(replace(NOW, state="done"), PLAN, LABELS, openmetrics(report))
    names = [family.name for family in openmetrics_families(text)]  # type: ignore[no-untyped-call]
    assert len(names) == len(set(names)), "the verdict says which run it is: it is not said twice"
    found = values(text)
    assert found[f"peakproof_verdict peakproof_verdict={report.verdict.word.value}"] == 1
    assert found["peakproof_load_sent_total"] == 199


def test_hostile_names_stay_inside_their_quotes_and_secrets_out() -> None:
    for text in (*HOSTILE, "sk-proj-" + "a1B2" * 12):
        slos = (LiveSlo(text, 1.0, 2.0, "s", n=1),)
        plan = LivePlan(((text, 0.0, 60.0),), PLAN.due_s)
        page = live_metrics(replace(NOW, outcomes={text: 3}, slos=slos), plan, RunLabels(text, text, text, text))
        assert list(openmetrics_families(page))  # type: ignore[no-untyped-call]
        assert values(page)
        assert "a1B2a1B2" not in page
