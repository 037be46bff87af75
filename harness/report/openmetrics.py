"""The verdict as OpenMetrics text: one scrape, gauges only. (A textfile collector wants `exposition.as_prometheus`.)"""

from __future__ import annotations

from collections.abc import Iterable

from harness.analysis import State, Word
from harness.report import exposition
from harness.report.exposition import Sample
from harness.report.model import Report
from harness.report.order import shown_failures


def openmetrics(report: Report) -> str:
    """Metric families of this run, each labelled with its plan and target; values that are unknown are left out.
    (OpenMetrics 1.0: https://prometheus.io/docs/specs/om/open_metrics_spec/)"""
    report, _ = shown_failures(report)
    verdict, trust = report.verdict, report.verdict.trust
    run = {"plan": report.run.plan_name, "target": report.run.target_name or report.run.target}
    capacity = verdict.capacity
    lines: list[str] = []

    def family(name: str, text: str, samples: Iterable[Sample], unit: str = "", kind: str = "gauge") -> None:
        labelled = [({**run, **labels}, value) for labels, value in samples]
        lines.extend(exposition.family(f"peakproof_{name}", text, labelled, unit, kind))

    family(
        "run",
        "Which run this is.",
        [({"run_id": report.run.run_id, "plan_hash": report.run.plan_hash}, 1)],
        kind="info",
    )
    family(
        "verdict",
        "The verdict of the run.",
        [({"peakproof_verdict": word.value}, float(word is verdict.word)) for word in Word],
        kind="stateset",
    )
    family("smoke", "1 for a smoke run, which proves no capacity.", [({}, float(verdict.smoke))])
    if report.run.started is not None:
        family("started_seconds", "Start of the run.", [({}, report.run.started.timestamp())], "seconds")
    rates = (("proven", capacity.proven), ("estimate", capacity.estimate), ("disproven", capacity.disproven))
    family("capacity_rps", "Capacity bracket, arrivals a second.", [({"bound": name}, value) for name, value in rates])
    family("forecast_peak_rps", "Forecast peak, arrivals a second.", [({}, capacity.forecast_peak)])
    family("headroom_ratio", "Proven rate over forecast peak, minus 1.", [({}, verdict.headroom)], "ratio")
    checks = [(c, {"slo": c.slo, "gate": c.gate}) for c in verdict.checks[:200]]
    family("slo_met", "1 where met, 0 where missed; absent where undecided.", [
        (labels, float(c.state is State.MET)) for c, labels in checks if c.state in (State.MET, State.MISSED)
    ])  # fmt: skip
    family(
        "slo_bad_ratio", "Share of requests beyond the limit.", [(labels, c.bad_share) for c, labels in checks], "ratio"
    )
    family("slo_bad_upper_ratio", "Upper bound of it.", [(labels, c.bad_share_high) for c, labels in checks], "ratio")
    family("slo_allowed_ratio", "Share that may be.", [(labels, c.allowed_share) for c, labels in checks], "ratio")
    family("slo_value_seconds", "The metric at its quantile; +Inf where so many failed.", [
        (labels, c.value) for c, labels in checks if c.unit == "s"
    ], "seconds")  # fmt: skip
    family("arrivals", "Judged arrivals by outcome.", [
        ({"outcome": outcome}, float(count)) for outcome, count in list(verdict.outcomes.items())[:50]
    ])  # fmt: skip
    family("gates_broken", "Broken gates of the measurement.", [
        ({}, float(sum(c.status == "broken" for c in verdict.caveats)))
    ])  # fmt: skip
    if trust is not None:
        family("send_lag_p99_seconds", "How late the generator sent.", [({}, trust.send_lag_s_p99)], "seconds")
    return "\n".join([*lines, exposition.END])
