"""The trust box: whether the numbers can be believed, in numbers."""

from __future__ import annotations

import numpy as np

from harness.analysis.gates_arrivals import arrival_figures
from harness.analysis.gates_generator import pooled_lag_s
from harness.analysis.scene import Scene
from harness.analysis.verdict import Trust


def trust(scene: Scene) -> Trust:
    """Figures of the whole run; None is unknown."""
    plan, records = scene.planned, scene.telemetry()
    accounted = len(scene.arrivals) if scene.books is None else scene.books.accounted
    lag = scene.judged.send_lag_s
    lag = lag[~np.isnan(lag)]
    lags = (None, None) if len(lag) == 0 else np.quantile(lag, [0.5, 0.99], method="inverted_cdf").tolist()
    known = records is not None and len(records) > 0
    assert records is not None or not known
    return Trust(
        planned=None if plan is None else len(plan.seq),
        accounted=accounted,
        send_lag_s_p50=lags[0],
        send_lag_s_p99=lags[1],
        loop_lag_s_p99=pooled_lag_s(records["loop_lag_s_p99"]) if records is not None and known else None,
        generator_cpu_share_max=float(records["cpu_share"].max()) if records is not None and known else None,
        certificate=_certificate(scene),
    )


def _certificate(scene: Scene) -> tuple[str, ...]:
    figures, plan = arrival_figures(scene), scene.planned
    if figures is None or plan is None:
        return ()
    error, planned, realised = figures
    lines = [
        f"rate curve: {error:.2%} of the arrivals were sent in another second than planned",
        f"index of dispersion at 1 s: planned {planned:.2f}, realised {realised:.2f} (Poisson is 1)",
        f"process: {plan.process}",
    ]
    if plan.rate_knots_s is not None and plan.rate_per_s is not None:
        area = float(np.trapezoid(plan.rate_per_s, plan.rate_knots_s))
        lines.append(f"count: {len(plan.seq)} planned for an area of {area:.1f} under the rate curve")
    return tuple(lines)
