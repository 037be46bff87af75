"""A drill's result as OpenMetrics text: the word, whether the rollback is confirmed, the numbers. Gauges only."""

from __future__ import annotations

from collections.abc import Iterable

from harness.drill import Kept, Share, Word
from harness.report import exposition
from harness.report.drill_model import DrillReport
from harness.report.exposition import Sample
from harness.report.secrets import without_secrets


def drill_openmetrics(report: DrillReport) -> str:
    """Metric families labelled with the drill's title and its target; values that are unknown are left out, a time
    that never came is +Inf."""
    report = without_secrets(report)
    verdict, numbers = report.verdict, report.numbers
    drill = {"drill": report.drill.title, "target": report.run.target_name or report.run.target}
    lines: list[str] = []

    def family(name: str, text: str, samples: Iterable[Sample], unit: str = "", kind: str = "gauge") -> None:
        labelled = [({**drill, **labels}, value) for labels, value in samples]
        lines.extend(exposition.family(f"peakproof_drill_{name}", text, labelled, unit, kind))

    family("run", "Which run this is.", [({"run_id": report.run.run_id}, 1)], kind="info")
    words = [({"peakproof_drill_result": word.value}, float(word is verdict.word)) for word in Word]
    family("result", "What became of the hypothesis.", words, kind="stateset")
    confirmed = float(verdict.rollback_confirmed)
    family("rollback_confirmed", "0 where a fault may still be active.", [({}, confirmed)])
    kept = [(e, {"expectation": e.name}) for e in verdict.expectations[:100] if e.kept is not Kept.NO_DATA]
    held = [(labels, float(e.kept is Kept.HELD)) for e, labels in kept]
    family("expectation_held", "1 where held, 0 where missed; absent where not measured.", held)
    if report.run.started is not None:
        family("started_seconds", "Start of the run.", [({}, report.run.started.timestamp())], "seconds")
    if numbers is not None:
        degraded, recover = numbers.time_to_degraded_s, numbers.time_to_recover_s
        family("time_to_degraded_seconds", "From the fault to degraded mode.", [({}, degraded)], "seconds")
        family("time_to_recover_seconds", "From the revert to the steady state.", [({}, recover)], "seconds")
        family("hold_success_ratio", "Success in degraded mode.", [({}, _ratio(numbers.hold))], "ratio")
        family("silent_ratio", "Degraded answers that do not say so.", [({}, _ratio(numbers.silent))], "ratio")
        family(
            "amplification_ratio",
            "Upstream calls a request, over the baseline.",
            [({}, numbers.amplification)],
            "ratio",
        )
        family("requests_lost", "Failures since the fault began.", [({}, float(numbers.lost))])
    return "\n".join([*lines, exposition.END])


def _ratio(share: Share) -> float | None:
    return share.value if share.n else None
