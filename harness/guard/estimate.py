"""What a plan will do, before it does it: phases, arrivals, tokens, money, time. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.guard.budget import Use, exceeded

if TYPE_CHECKING:
    from harness.config import Limits, Prices
    from harness.forecast import Arrivals, Shape


@dataclass(frozen=True)
class Stage:
    """One phase of the load. Rates in arrivals/s as planned; `busiest_1s` is the largest count of any whole second."""

    phase: str
    judged: bool
    start_s: float
    end_s: float
    rate_low: float
    rate_high: float
    arrivals: int
    busiest_1s: int
    tokens_in: int
    tokens_out: int

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Estimate:
    """The whole load. `cost` is an upper bound (every answer as long as it was asked to be); None without prices."""

    stages: tuple[Stage, ...]
    journeys: tuple[tuple[str, int], ...]
    use: Use
    cost: float | None
    currency: str
    over: tuple[str, ...]
    """Limits of the plan that it would exceed; the run is refused then."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "journeys": dict(self.journeys), "allowed": not self.over}


def estimate(
    shape: Shape, arrivals: Arrivals, judged: tuple[str, ...], limits: Limits, prices: Prices | None
) -> Estimate:
    """The load of `shape` as `arrivals` hold it, against `limits`."""
    array = arrivals.array
    use = Use(
        requests=int(array.size),
        duration_s=shape.duration_s,
        tokens_in=int(array["tokens_in"].sum(dtype=np.int64)),
        tokens_out=int(array["tokens_out"].sum(dtype=np.int64)),
    )
    counts = np.bincount(array["journey"], minlength=len(arrivals.journeys))
    return Estimate(
        stages=tuple(_stage(shape, arrivals, index, judged) for index in range(len(shape.phases))),
        journeys=tuple(zip(arrivals.journeys, map(int, counts), strict=True)),
        use=use,
        cost=use.cost(prices) if prices else None,
        currency=prices.input[1] if prices else "",
        over=tuple(exceeded(use, limits, prices)),
        notes=shape.notes,
    )


def _stage(shape: Shape, arrivals: Arrivals, index: int, judged: tuple[str, ...]) -> Stage:
    phase = shape.phases[index]
    rows = arrivals.array[arrivals.array["phase"] == index]
    inside = (shape.knots_s > phase.start_s) & (shape.knots_s < phase.end_s)
    # The two ends belong to this phase from their inner side: a step at an end is the neighbour's.
    nudge = 1e-9 * max(1.0, phase.end_s)
    ends = shape.rate_at([phase.start_s, max(phase.start_s, phase.end_s - nudge)])
    rates = np.concatenate([ends, shape.rates_per_s[inside]])
    seconds = ((rows["due_ns"] - round(phase.start_s * 1e9)) // 1_000_000_000).astype(np.int64)
    return Stage(
        phase=phase.name,
        judged=phase.name in judged,
        start_s=phase.start_s,
        end_s=phase.end_s,
        rate_low=float(rates.min()),
        rate_high=float(rates.max()),
        arrivals=int(rows.size),
        busiest_1s=int(np.bincount(np.maximum(seconds, 0)).max()) if rows.size else 0,
        tokens_in=int(rows["tokens_in"].sum(dtype=np.int64)),
        tokens_out=int(rows["tokens_out"].sum(dtype=np.int64)),
    )


def estimate_lines(found: Estimate) -> list[str]:
    """The estimate as a table for a terminal of 80 columns."""
    columns = f"{'phase':<12} {'starts':>7}  {'lasts':>7}  {'rate /s':>11}  {'arrivals':>9}  {'busiest s':>9}"
    lines = [f"{columns}  tokens in/out"]
    for stage in found.stages:
        rate = (
            f"{stage.rate_low:.1f}"
            if stage.rate_low == stage.rate_high
            else f"{stage.rate_low:.1f}-{stage.rate_high:.1f}"
        )
        name = f"{stage.phase}{'*' if stage.judged else ''}"
        lines.append(
            f"{name[:12]:<12} {clock(stage.start_s):>7}  {clock(stage.duration_s):>7}  {rate:>11}"
            f"  {stage.arrivals:>9,}  {stage.busiest_1s:>9,}  {count(stage.tokens_in):>6}/{count(stage.tokens_out)}"
        )
    use = found.use
    lines.append(f"in all       {clock(use.duration_s):>7}  {use.requests:,} arrivals"
                 f"   {count(use.tokens_in)} tokens in, up to {count(use.tokens_out)} out")  # fmt: skip
    if any(stage.judged for stage in found.stages):
        lines.append("             * the SLOs are judged here")
    if len(found.journeys) > 1:
        lines.append("journeys     " + ", ".join(f"{name} {number:,}" for name, number in found.journeys))
    if found.cost is None:
        lines.append("cost         unknown: the plan has no `prices`")
    else:
        lines.append(f"cost         up to {found.cost:,.2f} {found.currency}")
    lines += [f"note         {text}" for text in found.notes]
    lines += [f"over         {text}: the run would be refused" for text in found.over]
    return lines


def clock(seconds: float) -> str:
    """`90` -> `1m30s`; whole seconds from ten on."""
    if seconds < 10 and seconds != round(seconds):
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "m"), (rest, "s")]
    text = "".join(f"{number}{unit}" for number, unit in parts if number)
    return text or "0s"


def count(number: int) -> str:
    """`1234567` -> `1.23M`."""
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= scale:
            return f"{number / scale:.3g}{unit}"
    return str(number)
