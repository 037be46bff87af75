"""The live view: a block of fixed height that answers four questions, and its plain lines for a pipeline's log.

Where am I? Is the target alive? Am I inside the SLO? Can I trust the numbers? Everything is a function of the moments
seen so far and the plan; who calls it decides when and where to print.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.engine import Progress
from harness.report import words
from harness.report.paint import Paint
from harness.report.plain import line
from harness.report.secrets import without_secrets
from harness.units import format_duration

SLO_ROWS = 4
HEIGHT = 6 + SLO_ROWS
_BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_RATE_WINDOW_S = 5.0
HEARTBEAT_S = 60.0
_GOOD = ("ok", "degraded")


@dataclass(frozen=True)
class LiveSlo:
    """One SLO in the current stage: its value over the stage so far, never since the start."""

    name: str
    now: float
    limit: float
    unit: str
    at_least: bool = False
    """More is better (goodput)."""
    recent: tuple[float, ...] = ()
    """The last values, oldest first, for the sparkline."""
    n: int = 0

    @property
    def inside(self) -> bool | None:
        """None while there is nothing to say."""
        if math.isnan(self.now) or self.n == 0:
            return None
        return self.now >= self.limit if self.at_least else self.now <= self.limit


@dataclass(frozen=True)
class Moment(Progress):
    """What was known at one moment: the engine's progress, and what it does not know."""

    slos: tuple[LiveSlo, ...] = ()
    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, progress: Progress, slos: tuple[LiveSlo, ...] = (), faults: tuple[str, ...] = ()) -> Moment:
        return cls(**vars(progress), slos=slos, faults=faults)


@dataclass(frozen=True)
class LivePlan:
    """What the moments are held against."""

    stages: tuple[tuple[str, float, float], ...]
    """(name, start, end) in seconds of the run's clock, in order."""
    due_s: npt.NDArray[np.float64]
    """The planned arrivals' due times, ascending."""
    send_lag_limit_s: float = 0.1
    cpu_limit: float = 0.85

    def stage_at(self, elapsed_s: float) -> tuple[int, str, float, float]:
        """(number from 1, name, start, end) of the stage at a moment; the last one once all have ended."""
        for number, (name, start, end) in enumerate(self.stages, 1):
            if elapsed_s < end or number == len(self.stages):
                return number, name, start, end
        return 0, "", 0.0, 0.0

    def due_between(self, start_s: float, end_s: float) -> int:
        low, high = np.searchsorted(self.due_s, [start_s, end_s])
        return int(high - low)


def live_lines(seen: Sequence[Moment], plan: LivePlan, width: int = 100, color: bool = False) -> list[str]:
    """The block: always `HEIGHT` lines of at most `width` columns, whatever is known. `seen` ends with the present."""
    paint, width = Paint(color), max(60, width)
    now = without_secrets(seen[-1]) if seen else Moment("starting")
    rows = [_where(now, plan), _bar(now, plan, width), *_alive(now, seen, plan), *_slo_rows(now), _trust(now, plan)]
    notes = [f"faults: {', '.join(now.faults)}"] if now.faults else [now.detail] if now.detail else []
    rows.append(("", " NOTE   " + line(notes[0], width) if notes else ""))
    assert len(rows) == HEIGHT, len(rows)
    return [paint.tone(text[:width].rstrip(), tone) for tone, text in rows]


def log_lines(seen: Sequence[Moment], plan: LivePlan) -> list[str]:
    """What a pipeline's log gets at this moment: a line at each new stage and state, a heartbeat a minute, else
    nothing. `seen` holds every moment since the start or since the last call that gave a line, and the present last."""
    if not seen:
        return []
    now = without_secrets(seen[-1])
    if len(seen) == 1:
        return [_log_line(now, seen, plan)]
    before = seen[-2]
    turned = plan.stage_at(before.elapsed_s)[0] != plan.stage_at(now.elapsed_s)[0] and now.elapsed_s > 0
    beat = math.floor(now.elapsed_s / HEARTBEAT_S) > math.floor(before.elapsed_s / HEARTBEAT_S) >= 0
    return [_log_line(now, seen, plan)] if turned or beat or before.state != now.state else []


def _where(now: Moment, plan: LivePlan) -> tuple[str, str]:
    number, name, _, end = plan.stage_at(now.elapsed_s)
    last = plan.stages[-1][2] if plan.stages else 0.0
    if now.state in ("starting", "warming") or now.elapsed_s < 0:
        return "", f" WHERE  {line(now.state, 20)}, the load begins in {max(0.0, -now.elapsed_s):.0f} s"
    if now.state not in ("running",):
        return "", f" WHERE  {line(now.state, 20)} \u00b7 {_clock(now.elapsed_s)} elapsed"
    left = f"{_clock(end - now.elapsed_s)} left in it" if now.elapsed_s < end else "its end is due"
    stage = f"stage {number}/{len(plan.stages)} {line(name, 24)}"
    return "", f" WHERE  {stage} \u00b7 {left} \u00b7 {_clock(now.elapsed_s)} of {_clock(last)}"


def _bar(now: Moment, plan: LivePlan, width: int) -> tuple[str, str]:
    last = plan.stages[-1][2] if plan.stages else 0.0
    done = min(1.0, max(0.0, now.elapsed_s / last)) if last else 0.0
    room = min(60, width - 16)
    full = round(done * room)
    drawn = "\u2501" * full + "\u2500" * (room - full)
    return "dim", f"        {drawn} {done:4.0%}"


def _alive(now: Moment, seen: Sequence[Moment], plan: LivePlan) -> list[tuple[str, str]]:
    asked, got = _rates(seen, plan)
    failed = sum(n for name, n in now.outcomes.items() if name not in _GOOD)
    done = sum(now.outcomes.values())
    kinds = sorted(((n, name) for name, n in now.outcomes.items() if name not in _GOOD), reverse=True)[:3]
    named = "  ".join(f"{line(name, 20)} {words.count(n)}" for n, name in kinds)
    tone = "FAIL" if done and failed == done else ""
    first = f" TARGET asked {words.rate(asked)}/s  got {words.rate(got)}/s  in flight {words.count(now.in_flight)}"
    degraded = f"  degraded {words.count(now.outcomes['degraded'])}" if now.outcomes.get("degraded") else ""
    errors = words.share(failed / done) if done else words.UNKNOWN
    return [(tone, first), (tone, f"        failed {errors} of {words.count(done)} ended{degraded}  {named}")]


def _slo_rows(now: Moment) -> list[tuple[str, str]]:
    # The worst come first: what does not fit is better off.
    rank = {False: 0, None: 1, True: 2}
    slos = sorted(now.slos, key=lambda s: (rank[s.inside], _margin(s)))
    rows = []
    for i in range(SLO_ROWS):
        head = " SLO    " if i == 0 else "        "
        if i >= len(slos):
            rows.append(("dim", head + ("not known yet" if i == 0 else "")))
            continue
        slo = slos[i]
        sign, tone = {True: ("\u2713", "MET"), False: ("\u2717", "MISSED"), None: ("?", "UNDECIDED")}[slo.inside]
        more = f"  +{len(slos) - SLO_ROWS} more" if i == SLO_ROWS - 1 and len(slos) > SLO_ROWS else ""
        margin = f"{100 * _margin(slo):+.0f} %" if slo.inside is not None and math.isfinite(_margin(slo)) else ""
        cells = f"{line(slo.name, 22):<22} {words.quantity(slo.now, slo.unit):>10}"
        limit = f"limit {words.limit(slo.limit, slo.unit):<8}"
        rows.append((tone, f"{head}{sign} {cells}  {limit} {margin:>7}  {sparkline(slo.recent)}{more}"))
    return rows


def _trust(now: Moment, plan: LivePlan) -> tuple[str, str]:
    doubts = []
    if now.send_lag_s_p99 > plan.send_lag_limit_s:
        doubts.append("send lag")
    if now.cpu_share > plan.cpu_limit:
        doubts.append("generator CPU")
    if now.workers_alive < now.workers:
        doubts.append("worker lost")
    if now.not_sent:
        doubts.append("arrivals not sent")
    told = (
        f"send lag p99 {format_duration(now.send_lag_s_p99)}  CPU {100 * now.cpu_share:.0f} %  "
        f"workers {now.workers_alive}/{now.workers}  not sent {words.count(now.not_sent)}"
    )
    verdict = f"\u2717 {', '.join(doubts)}" if doubts else "\u2713 ok"
    return ("FAIL" if doubts else ""), f" TRUST  {verdict}  {told}"


def _rates(seen: Sequence[Moment], plan: LivePlan) -> tuple[float, float]:
    """Arrivals a second planned and fired over the last seconds; NaN before there is anything to divide by."""
    if not seen:
        return math.nan, math.nan
    now = seen[-1]
    then = next((m for m in seen if m.elapsed_s >= now.elapsed_s - _RATE_WINDOW_S), now)
    start_s, end_s = max(0.0, then.elapsed_s), now.elapsed_s
    if end_s <= start_s:
        return math.nan, math.nan
    return plan.due_between(start_s, end_s) / (end_s - start_s), (now.fired - then.fired) / (end_s - start_s)


def _log_line(now: Moment, seen: Sequence[Moment], plan: LivePlan) -> str:
    number, name, _, _ = plan.stage_at(now.elapsed_s)
    asked, got = _rates(seen, plan)
    done = sum(now.outcomes.values())
    failed = sum(n for outcome, n in now.outcomes.items() if outcome not in _GOOD)
    place = f"stage {number}/{len(plan.stages)} {line(name, 24)}" if now.state == "running" else line(now.state, 20)
    parts = [
        f"[{_clock(max(0.0, now.elapsed_s))}] {place}",
        f"asked {words.rate(asked)}/s got {words.rate(got)}/s",
        f"in flight {words.count(now.in_flight)}",
        f"failed {words.share(failed / done) if done else words.UNKNOWN} of {words.count(done)}",
        *(
            f"{line(s.name, 22)} {words.quantity(s.now, s.unit)} {'inside' if s.inside else 'BEYOND'} its limit"
            for s in now.slos[:2]
            if s.inside is not None
        ),
        *([line(now.detail, 120)] if now.detail else []),
        _trust(now, plan)[1].split("  ")[1].strip(),
    ]
    return " \u00b7 ".join(parts)


def sparkline(values: Sequence[float], width: int = 20) -> str:
    """The last `width` values as bars from 0 to their maximum; a failure (`inf`) stands full, NaN leaves a gap."""
    shown = list(values)[-width:]
    high = max((v for v in shown if math.isfinite(v)), default=0.0)
    bars = []
    for value in shown:
        if math.isnan(value):
            bars.append(" ")
        elif math.isinf(value) or high <= 0:
            bars.append(_BARS[-1] if math.isinf(value) else _BARS[0])
        else:
            bars.append(_BARS[min(7, int(8 * max(0.0, value) / high))])
    return "".join(bars)


def _margin(slo: LiveSlo) -> float:
    """How far inside the limit, as a share of it; negative beyond."""
    if math.isnan(slo.now) or not slo.limit:
        return math.inf
    return (slo.now / slo.limit - 1) if slo.at_least else (1 - slo.now / slo.limit)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
