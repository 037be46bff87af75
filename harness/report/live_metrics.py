"""A run under way as OpenMetrics text: what is planned, sent, finished, in flight, and whether it can be trusted.

The names begin with `peakproof_load_`: they are of the load so far. The verdict's own (`openmetrics`) are of the judged
part, and are there once it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.report import exposition
from harness.report.exposition import Sample
from harness.report.live import LivePlan, LiveSlo, Moment
from harness.report.secrets import without_secrets

STATES = ("starting", "warming", "running", "draining", "done", "failed")
_OUTCOMES, _SLOS = 50, 200


@dataclass(frozen=True)
class RunLabels:
    """Which run the values are of: `plan` and `target` stand on every sample, as on the verdict's."""

    plan: str = ""
    target: str = ""
    run_id: str = ""
    plan_hash: str = ""


def live_metrics(now: Moment, plan: LivePlan, labels: RunLabels, verdict: str = "") -> str:
    """The page of one scrape. `verdict` is the OpenMetrics text of what came of the run, once it is known."""
    now, labels = without_secrets((now, labels))
    run = {"plan": labels.plan, "target": labels.target}
    lines: list[str] = []

    def family(name: str, text: str, samples: Iterable[Sample], unit: str = "", kind: str = "gauge") -> None:
        labelled = [({**run, **more}, value) for more, value in samples]
        lines.extend(exposition.family(f"peakproof_{name}", text, labelled, unit, kind))

    def count(name: str, text: str, value: float) -> None:
        family(f"load_{name}", text, [({}, float(value))], kind="counter")

    if not verdict:
        which = {"run_id": labels.run_id, "plan_hash": labels.plan_hash}
        family("run", "Which run this is.", [(which, 1)], kind="info")
    states = [({"peakproof_load_state": state}, float(state == now.state)) for state in STATES]
    family("load_state", "Where the run stands.", states, kind="stateset")
    elapsed_s = max(0.0, now.elapsed_s)
    number, phase, _, _ = plan.stage_at(elapsed_s)
    phase = without_secrets(phase)
    if now.state == "running" and number:
        family("load_phase", "1 for the phase that the load is in.", [({"phase": phase, "number": str(number)}, 1.0)])
    family("load_elapsed_seconds", "Time since the load began.", [({}, elapsed_s)], "seconds")
    family("load_planned_arrivals", "Arrivals of the whole plan.", [({}, float(now.planned))], "arrivals")
    count("due", "Arrivals that the plan had due by now.", plan.due_between(0.0, elapsed_s))
    count("sent", "Arrivals sent.", now.fired)
    count("not_sent", "Arrivals that could not be sent.", now.not_sent)
    outcomes = [({"outcome": name}, float(n)) for name, n in list(now.outcomes.items())[:_OUTCOMES]]
    family("load_finished", "Arrivals at their end, by outcome.", outcomes, kind="counter")
    family("load_in_flight", "Arrivals under way.", [({}, float(now.in_flight))])
    lag = "How late the generator sends: the worst worker over its last second."
    family("load_send_lag_p99_seconds", lag, [({}, now.send_lag_s_p99)], "seconds")
    family("load_send_lag_limit_seconds", "The most it may be.", [({}, plan.send_lag_limit_s)], "seconds")
    family("load_cpu_ratio", "The busiest worker's share of a core.", [({}, now.cpu_share)], "ratio")
    family("load_cpu_limit_ratio", "The most it may be.", [({}, plan.cpu_limit)], "ratio")
    family("load_workers", "Load processes asked for.", [({}, float(now.workers))])
    family("load_workers_alive", "Load processes alive.", [({}, float(now.workers_alive))])
    for name, text, samples in _slos(now.slos[:_SLOS], phase):
        family(f"load_slo_{name}", text, samples, name.rpartition("_")[2] if name != "inside" else "")
    return "\n".join([*lines, verdict or exposition.END])


def _slos(slos: Iterable[LiveSlo], phase: str) -> Iterable[tuple[str, str, list[Sample]]]:
    """(name, help, samples) of what is known of the SLOs in the current phase."""
    slos = list(slos)
    known = [({"slo": slo.name, "phase": phase}, slo.inside) for slo in slos]
    inside = [(labels, float(state)) for labels, state in known if state is not None]
    yield "inside", "1 inside the limit over this phase so far, 0 beyond it; no verdict.", list(inside)
    for unit, ends in (("s", "seconds"), ("share", "ratio")):
        of = [slo for slo in slos if slo.unit == unit]
        labels = [{"slo": slo.name, "phase": phase} for slo in of]
        values = [slo.now if slo.n else None for slo in of]
        yield f"value_{ends}", "Over this phase so far.", list(zip(labels, values, strict=True))
        limits = [slo.limit for slo in of]
        yield f"limit_{ends}", "Its limit.", list(zip(labels, limits, strict=True))
