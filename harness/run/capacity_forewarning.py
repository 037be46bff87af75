"""What a capacity search cannot show with steps of its length, in words, before its first step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.analysis.capacity import Search
from harness.analysis.foresight import FEWEST_STABLE, Shortfall, shortfalls
from harness.run.inputs import Inputs


def forewarnings(search: Search, inputs: Inputs) -> tuple[str, ...]:
    """Sentences, none where the first step can pass; at the search's first and at its highest rate."""
    first = _short(search, inputs, search.safe_rate)
    if not first and search.safe_rate * search.step_s >= FEWEST_STABLE:
        return ()
    last = _short(search, inputs, search.highest_rate)
    step = f"a step of {search.step_s:.0f} s at {search.safe_rate:.3g}/s"
    lines = [f"note: {step} can prove nothing, only disprove:"]
    lines += [f"  {shortfall}" for shortfall in first]
    if search.safe_rate * search.step_s < FEWEST_STABLE:
        count = search.safe_rate * search.step_s
        lines.append(f"  whether a queue grows needs {FEWEST_STABLE} requests to be seen, and gets {count:.0f}")
    if last:
        lines.append(f"  nor does one at {search.highest_rate:.3g}/s, the highest of this search")
    return (*lines, _advice(search, inputs, first))


def _short(search: Search, inputs: Inputs, rate_per_s: float) -> tuple[Shortfall, ...]:
    return shortfalls(inputs.slos, inputs.rules, rate_per_s * search.step_s, inputs.load.mix)


def _advice(search: Search, inputs: Inputs, short: Sequence[Shortfall]) -> str:
    times = [s.fewest / max(s.requests, 1) for s in short]
    needed_s = max(search.step_s * max(times, default=1.0), FEWEST_STABLE / search.safe_rate)
    looser = "" if "--profile" in inputs.options else ", or promises that a short run can show (`--profile smoke`)"
    several = "several times that near the limit, where requests are not independent"
    return f"  take --step {10 * math.ceil(needed_s / 10)}s or longer ({several}), with a --budget to match{looser}"
