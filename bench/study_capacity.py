"""The study on the real stack: is `proven` ever above the truth, where the truth is known?

Short runs against a mock of known capacity (two servers, lognormal work, one queue), at rates below, at and above the
truth. A PASS above the truth is a false one; `proven` of a search over these runs must stay below it.

Each run takes less than a minute and is told in one line of `bench/out/study-capacity.jsonl` as soon as it is made; a
later call makes those that are not there yet (remove the file to begin anew). `--budget 20m` makes as many as fit; the
table comes at the end. The folder of a run that was spoiled is kept beside the file.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from bench.study_runs import Item, Line, Study, command_line
from harness.analysis import Word
from harness.analysis.capacity import Stage, Trial, bracket

OUT = Path("bench/out/study-capacity.jsonl")
SERVERS, WORK_MS, SPREAD, LIMIT_S, ALLOWED = 2, 100.0, 0.3, 1.0, 0.05
"""A rate so low that the machine is no part of the queue, and a limit that forgives it 50 ms."""
RATIOS = (0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5)
SEARCHES = 3
TRIES = 3
"""A spoiled run is run again, as the search itself does."""
WARM_S, JUDGED_S = 5, 45
BAR = 30
"""So many runs must count."""

PLAN = """
title: known capacity, {ratio} x the truth
target: tools
journeys: {{call: {{kind: tool}}}}
arrivals:
  seed: {seed}
  segments:
    - {{phase: warm, hold: {rate}/s, for: {warm}s}}
    - {{phase: peak, hold: {rate}/s, for: {judged}s}}
upstreams: {{tools: {{mock: tools, settings: {{servers: 2, latency_ms: 100, spread: 0.3, queue: 100000}}}}}}
slo: {{slos: ["e2e p95 <= 1s", "errors < 5%"]}}
limits: {{in_flight: 5000}}
deadline: 20s
drain: 20s
smoke: true
"""


def saturation_per_s() -> float:
    """Beyond it the queue grows for ever."""
    return SERVERS / (WORK_MS / 1e3 * float(np.exp(SPREAD**2 / 2)))


def slow_share(rate: float, count: int = 400_000, seed: int = 1) -> float:
    """Share of stays beyond the limit in the long run, by simulation of the mock's own rule."""
    rng = np.random.default_rng(seed)
    due = np.cumsum(rng.exponential(1 / rate, count))
    work = WORK_MS / 1e3 * np.exp(SPREAD * rng.standard_normal(count))
    first = second = 0.0
    slow = 0
    for at, length in zip(due.tolist(), work.tolist(), strict=True):
        start = max(at, min(first, second))
        if first <= second:
            first = start + length
        else:
            second = start + length
        slow += start + length - at > LIMIT_S
    return slow / count


def truth_per_s(folder: Path = OUT.parent) -> float:
    """The rate at which the stays beyond the limit are as many as allowed; always below saturation. Kept in a file:
    it takes seconds."""
    kept = folder / f"truth-{SERVERS}-{WORK_MS:g}-{SPREAD:g}-{LIMIT_S:g}-{ALLOWED:g}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(_truth_per_s()))
    return float(json.loads(kept.read_text()))


def _truth_per_s() -> float:
    low, high = 0.5 * saturation_per_s(), saturation_per_s()
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (low, middle) if slow_share(middle) > ALLOWED else (middle, high)
    return (low + high) / 2


def item(index: int, truth: float) -> Item:
    """Run `index`. Rates come in an order that mixes them, so that a busy quarter of an hour spoils no single rate."""
    search, place = divmod(index, len(RATIOS))
    ratio = RATIOS[int(np.random.default_rng(search).permutation(len(RATIOS))[place])]
    rate = round(ratio * truth, 3)
    text = PLAN.format(ratio=ratio, seed=1000 + index, rate=rate, warm=WARM_S, judged=JUDGED_S)
    return Item(index, text, WARM_S + JUDGED_S, {"search": search, "ratio": ratio, "rate": rate})


def study(truth: float) -> Study:
    items = tuple(item(k, truth) for k in range(SEARCHES * len(RATIOS)))
    return Study("study-capacity", items, OUT, tries=TRIES)


def table(lines: list[Line], truth: float) -> list[str]:
    """What the runs so far came to, by rate and as searches."""
    rows = [f"saturation {saturation_per_s():.1f}/s, truth (p95 <= {LIMIT_S:g} s) {truth:.1f}/s, {JUDGED_S} s judged"]
    rows.append(
        f"{'x truth':>8}  {'runs':>4}  {'PASS':>4}  {'FAIL':>4}  {'undecided':>9}  {'INVALID':>7}  {'crash':>5}"
    )
    for ratio in RATIOS:
        words = Counter(line.get("trial", line["word"]) for line in lines if line["ratio"] == ratio)
        cells = [words[word] for word in ("PASS", "FAIL", "INCONCLUSIVE", "INVALID", "CRASH")]
        rows.append("{:>8}  {:>4}  {:>4}  {:>4}  {:>9}  {:>7}  {:>5}".format(ratio, words.total(), *cells))
    for search in range(SEARCHES):
        record = [trial for line in lines if line["search"] == search and (trial := _trial(line))]
        shown = [f"{side:.1f}" if side is not None else "-" for side in bracket(record)]
        rows.append(f"search {search}: {len(record)} runs, proven {shown[0]}, truth {truth:.1f}, disproven {shown[1]}")
    counted = [line for line in lines if line["word"] not in {"INVALID", "CRASH"}]
    above = sum(line["trial"] == "PASS" and line["offered"] > truth for line in counted)
    word = "does not hold" if above else "holds" if len(counted) >= BAR else "holds so far"
    rows.append(
        f"PASS at an offered rate above the truth: {above} of {len(counted)} runs that count (bar: 0 of {BAR}): {word}"
    )
    gates = Counter(gate for line in lines for gate in line["broken"])
    return [*rows, f"gates that broke: {dict(gates)}"]


def _trial(line: dict[str, Any]) -> Trial | None:
    if "trial" not in line:
        return None
    nan = float("nan")
    return Trial(Stage.PROBE, line["rate"], Word(line["trial"]), JUDGED_S, nan, nan, line["offered"] or line["rate"])


def main() -> None:
    truth = truth_per_s()
    command_line(study(truth), __doc__ or "", lambda lines: print("\n" + "\n".join(table(lines, truth))))


if __name__ == "__main__":
    main()
