"""Gates on the generator itself: its loop, its CPU, its workers, its clocks, and Little's law against its own
counter."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.analysis.doubt import absent, broken, held
from harness.analysis.gates_arrivals import lag_limit_s
from harness.analysis.scene import Scene
from harness.analysis.slo import Slo
from harness.analysis.verdict import Caveat
from harness.analysis.view import Floats
from harness.results import TelemetryArray

CPU_SHARE = 0.85
CPU_SECONDS = 5
SILENCE_S = 5.0
CLOCK_STEP_S = 2.0
CLOCK_SKEW_S = 0.005
LITTLE_ERROR = 0.03
_MEASURED = ("t_s", "cpu_share", "loop_lag_s_p99", "in_flight_area_s")
_NOISE = 0.005
"""A clock read twice may go so far back, in seconds."""
LITTLE_PER_REQUEST_S = 0.001
"""A counter and a row stamp their moments a little apart: below a millisecond a request the audit says nothing."""


def _judged_telemetry(scene: Scene) -> TelemetryArray | None:
    records = scene.telemetry()
    if records is None or not scene.segments:
        return None
    start, end = scene.segments[0].start_s, max(s.end_s for s in scene.segments)
    # A record speaks of the second that ends at t_s.
    judged: TelemetryArray = records[(records["t_s"] > start) & (records["t_s"] < end + 1)]
    return judged if len(judged) else None


def pooled_lag_s(p99_s: Floats) -> float:
    """The p99 of all loop turns from the p99s of single seconds, each second's tail taken as exponential: the x at
    which the mean of `.01 ** (x / p99)` is .01; NaN where one of them is no number. Shape (n,), seconds."""
    tails = np.maximum(p99_s.astype(np.float64), 1e-9)
    if not np.isfinite(tails).all():
        return math.nan
    low, high = 0.0, float(tails.max())
    for _ in range(60):
        middle = (low + high) / 2
        share = float(np.exp(np.log(0.01) * middle / tails).mean())
        low, high = (middle, high) if share > 0.01 else (low, middle)
    return high


def loop_lag(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """How late the event loop itself was."""
    records = _judged_telemetry(scene)
    if records is None:
        return absent("loop_lag", "loop lag", scene)
    lags, limit = records["loop_lag_s_p99"], lag_limit_s(slos)
    p99 = pooled_lag_s(lags)
    if not p99 <= limit:
        worst = records[int(np.argmax(records["loop_lag_s_p99"]))]
        return broken(
            "loop_lag",
            f"loop lag p99 {p99 * 1e3:.1f} ms, above {limit * 1e3:.1f} ms",
            "the generator's loop was blocked: lighter journeys, more processes",
            float(worst["t_s"]),
        )
    return held("loop_lag", f"loop lag p99 {p99 * 1e3:.1f} ms (limit {limit * 1e3:.1f} ms)")


def cpu(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """No worker may be above 85 % of its core for five seconds in a row."""
    del slos
    records = _judged_telemetry(scene)
    if records is None:
        return absent("cpu", "CPU of the generator", scene)
    streak, worker_before = 0, -1
    for record in records[["worker", "cpu_share", "t_s"]]:
        worker = int(record["worker"])
        calm = record["cpu_share"] <= CPU_SHARE  # what is no number is not
        streak = 0 if calm else (streak if worker == worker_before else 0) + 1
        worker_before = worker
        if streak >= CPU_SECONDS:
            return broken(
                "cpu",
                f"worker {worker} was above {CPU_SHARE:.0%} of its core for {CPU_SECONDS} s",
                "more processes (`processes:` in the plan) or more machines",
                float(record["t_s"]),
            )
    return held("cpu", f"generator CPU at most {float(records['cpu_share'].max()):.0%} of a core")


def telemetry(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """Every worker spoke all through the judged part: a silence of 5 s is a stall."""
    del slos
    records = scene.telemetry()
    if records is None or not scene.segments:
        return absent("telemetry", "the engine's telemetry", scene)
    strange = [name for name in _MEASURED if not np.all((records[name] >= -_NOISE) & (records[name] < np.inf))]
    if strange:
        return broken("telemetry", f"{strange[0]} is negative or no number in the engine's telemetry", "run again")
    start, end = scene.segments[0].start_s, min(scene.until_s, max(s.end_s for s in scene.segments))
    done = [w.worker for w in scene.evidence.workers or () if w.state == "done"]
    for worker in done or sorted(set(records["worker"].tolist())):
        spoke = records["t_s"][records["worker"] == worker]
        stops = np.concatenate([[start], spoke[(spoke > start) & (spoke < end)], [end]])
        gap = int(np.argmax(np.diff(stops)))
        if stops[gap + 1] - stops[gap] > SILENCE_S:
            return broken(
                "telemetry",
                f"worker {worker} was silent for {stops[gap + 1] - stops[gap]:.0f} s",
                "the worker stalled or was stopped: run again on a quieter machine",
                float(stops[gap]),
            )
    return held("telemetry", f"{len(records)} records, no silence over {SILENCE_S:.0f} s")


def workers(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """Every worker ended as it should. A refused stranger did no harm."""
    del slos
    facts = scene.evidence.workers
    if not facts:
        return absent("workers", "the workers' end", scene)
    bad = [w for w in facts if w.state not in {"done", "refused"}]
    if bad:
        said = ", ".join(f"worker {w.worker} {w.state}" + (f" ({w.detail})" if w.detail else "") for w in bad)
        return broken("workers", said, "a part of the load was not offered as planned: run again")
    if not any(w.state == "done" for w in facts):
        return broken("workers", "no worker finished", "run again")
    refused = sum(w.state == "refused" for w in facts)
    return held(
        "workers", f"{len(facts) - refused} workers done" + (f", {refused} strangers refused" if refused else "")
    )


def clock(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """Monotonic, boot and wall clocks agree on how long the load took."""
    del slos
    fact = scene.evidence.clock
    if fact is None:
        return absent("clock", "clock step or sleep", scene)
    lengths = (fact.monotonic_s, fact.boottime_s, fact.wall_s)
    apart = max(lengths) - min(lengths)
    if not apart <= CLOCK_STEP_S:
        return broken(
            "clock",
            f"the machine's clocks disagree by {apart:.1f} s on the length of the load",
            "it slept, was suspended or its clock was set: run again",
        )
    return held("clock", f"clocks agree within {apart * 1e3:.0f} ms")


def clock_skew(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """Workers whose moments are compared share a clock within 5 ms."""
    del slos
    facts = [w for w in scene.evidence.workers or () if w.state == "done"]
    if not facts:
        return None
    worst = max(facts, key=lambda w: math.inf if math.isnan(w.clock_offset_s) else abs(w.clock_offset_s))
    if not abs(worst.clock_offset_s) <= CLOCK_SKEW_S:
        return broken(
            "clock_skew",
            f"worker {worst.worker}'s clock is {worst.clock_offset_s * 1e3:.1f} ms off",
            "synchronise the machines' clocks",
        )
    return held("clock_skew", f"worker clocks within {abs(worst.clock_offset_s) * 1e3:.1f} ms")


def little(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """Little's law audit: the engine's own in-flight integral against the rows' time in flight, both clipped to the
    same window of each worker."""
    del slos
    records = _judged_telemetry(scene)
    if records is None:
        return absent("little", "Little's law", scene)
    counted = from_rows = requests = 0.0
    view = scene.arrivals
    sent, finished, owner = view.sent_s, view.finished_s, view.raw("worker")
    for worker in np.unique(records["worker"]):
        mine = records[records["worker"] == worker]
        if len(mine) < 2:
            continue
        start, end = float(mine["t_s"][0]), float(mine["t_s"][-1])
        counted += float(mine["in_flight_area_s"][-1] - mine["in_flight_area_s"][0])
        here = (owner == worker) & ~np.isnan(sent)
        ends = np.where(np.isnan(finished[here]), np.inf, finished[here])
        spent = np.minimum(ends, end) - np.maximum(sent[here], start)
        from_rows += float(spent[spent > 0].sum())
        requests += float((spent > 0).sum())
    error = abs(counted - from_rows)
    size = max(counted, from_rows)
    what = f"in-flight area {counted:.1f} s by the counter, {from_rows:.1f} s by the rows"
    if not math.isfinite(size) or not error <= max(LITTLE_ERROR * size, LITTLE_PER_REQUEST_S * requests):
        return broken("little", what, "rows or counter are wrong: keep the folder for a bug report")
    return held("little", what)
