"""The study on the real stack: what the method says where the truth is known, and of runs that are healthy.

`known`: short runs against a mock of known capacity (two servers, lognormal work, one queue), at rates below, at and
above the truth. A PASS above the truth is a false one; `proven` of a search over these runs must stay below it.
`healthy`: constant and ramping runs far from any limit, of 45 s to 10 min. INVALID or FAIL is a false alarm.

Each run is `peakproof run` in a process of its own, told about in one line of `bench/out/study-capacity.jsonl`; the
study goes on where it stood. The folder of a run that was spoiled, or of a false alarm, is kept beside it, to be looked
at. On a machine that others use too, put `chrt -r 1` before the study, with `--most` to have it in short turns.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.analysis import State, verdict_from_json
from harness.analysis.capacity import Stage, Step, Trial, bracket
from harness.run.capacity import trial_from

OUT = Path("bench/out/study-capacity.jsonl")
KEPT = Path("bench/out/study-runs")
SERVERS, WORK_MS, SPREAD, LIMIT_S, ALLOWED = 2, 100.0, 0.3, 1.0, 0.05
"""A rate so low that the machine is no part of the queue, and a limit that forgives it 50 ms."""
RATIOS = (0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5)
SEARCHES = 3
HEALTHY = 50
LONGER_S = {2: 120, 9: 120, 16: 120, 23: 120, 30: 120, 12: 600, 33: 600}
"""Judged seconds of the healthy runs that last longer than 45 s, by index."""
TRIES = {"known": 3, "healthy": 1}
"""A spoiled run of known capacity is run again, as the search itself does."""
WARM_S, JUDGED_S = 10, 60

KNOWN_PLAN = """
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

HEALTHY_PLAN = """
title: healthy run {index}
target: {target}
journeys: {{call: {journey}}}
arrivals:
  seed: {seed}
  segments:
    - {{phase: warm, ramp: [0/s, {start}/s], for: 6s}}
    - {{phase: peak, {shape}, for: {judged}s}}
prompts: {{sizes: {{in: 100, out: 30}}}}
headers: {{Authorization: "Bearer ${{env:STUDY_KEY}}"}}
upstreams: {{tools: {{mock: tools}}, llm: {{mock: openai, preset: hosted-small}}}}
slo: {{slos: ["e2e p95 <= 3s", "errors < 5%"]}}
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


def truth_per_s() -> float:
    """The rate at which the stays beyond the limit are as many as allowed; always below saturation. Kept in a file:
    it takes seconds."""
    kept = OUT.parent / f"truth-{SERVERS}-{WORK_MS:g}-{SPREAD:g}-{LIMIT_S:g}-{ALLOWED:g}.json"
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


def known_plan(index: int, truth: float) -> tuple[str, dict[str, Any]]:
    # Rates in an order that mixes them, so that a busy quarter of an hour spoils no single rate.
    search, place = divmod(index, len(RATIOS))
    ratio = RATIOS[int(np.random.default_rng(search).permutation(len(RATIOS))[place])]
    rate = round(ratio * truth, 3)
    text = KNOWN_PLAN.format(ratio=ratio, seed=1000 + index, rate=rate, warm=WARM_S, judged=JUDGED_S)
    return text, {"search": search, "ratio": ratio, "rate": rate}


def healthy_plan(index: int) -> tuple[str, dict[str, Any]]:
    ramp = index % 2 == 1
    chat = index % 4 >= 2
    judged = LONGER_S.get(index, 45)
    shape = "ramp: [10/s, 40/s]" if ramp else "hold: 30/s"
    text = HEALTHY_PLAN.format(
        index=index,
        target="llm" if chat else "tools",
        journey="{kind: chat, model: gpt-small}" if chat else "{kind: tool}",
        seed=5000 + index,
        start=10 if ramp else 30,
        shape=shape,
        judged=judged,
    )
    return text, {"shape": "ramp" if ramp else "constant", "target": "llm" if chat else "tools", "judged_s": judged}


def run_once(study: str, index: int, plan: str, facts: dict[str, Any]) -> dict[str, Any]:
    """One `peakproof run`, its verdict boiled down to a line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.yaml"
        path.write_text(plan)
        entry = "import sys; from harness.cli.app import main; sys.exit(main())"
        command = [sys.executable, "-c", entry, "run", str(path), "--json", "--runs", f"{folder}/runs"]
        environment = {**os.environ, "STUDY_KEY": "any"}  # the mock asks for a key, whichever it is
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, env=environment)
        line = {"study": study, "index": index, **facts, "at": time.strftime("%H:%M:%S"), "load": os.getloadavg()[0]}
        line |= _told(done.stdout, done.stderr, facts)
        if line["word"] in {"INVALID", "CRASH"} or (study == "healthy" and line["word"] == "FAIL"):
            kept = KEPT / f"{study}-{index}-{facts['attempt']}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(folder, kept)
    return line


def _told(stdout: str, stderr: str, facts: dict[str, Any]) -> dict[str, Any]:
    try:
        verdict = verdict_from_json(json.loads(stdout))
    except (ValueError, KeyError):
        return {"word": "CRASH", "broken": ["crash"], "why": [stderr[-500:]]}
    step = Step(Stage.PROBE, facts.get("rate", 0.0), JUDGED_S, 0.0, 0, "")
    broken = [caveat for caveat in verdict.caveats if caveat.status == "broken"]
    return {
        "word": verdict.word.value,
        "trial": trial_from(step, verdict, aborted=False).word.value,
        "offered": verdict.offered_rate,
        "broken": [caveat.kind for caveat in broken],
        "why": [caveat.what for caveat in broken] or list(verdict.reasons),
        "missed": [check.slo for check in verdict.checks if check.state is State.MISSED],
    }


@dataclass(frozen=True)
class Turn:
    """What one call of the study does of it."""

    studies: tuple[str, ...]
    seconds: float
    jobs: int = 1
    """Runs at a time."""
    most: int = 1000
    """Runs in all."""
    part: tuple[int, int] = (0, 1)
    """(k, n): the k-th of n calls that share the study, by index."""

    def wanted(self, lines: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
        """The runs that are not there yet; healthy ones of a length together."""
        tried = Counter((line["study"], line["index"]) for line in lines)
        settled = {(line["study"], line["index"]) for line in lines if line["word"] != "INVALID"}
        lengths = sorted(range(HEALTHY), key=lambda k: LONGER_S.get(k, 0))
        every = [("known", k) for k in range(SEARCHES * len(RATIOS))] + [("healthy", k) for k in lengths]
        mine = [run for run in every if run[0] in self.studies and run[1] % self.part[1] == self.part[0]]
        return [run for run in mine if run not in settled and tried[run] < TRIES[run[0]]][: self.most]


def read_lines() -> list[dict[str, Any]]:
    return [json.loads(text) for text in OUT.read_text().splitlines()] if OUT.exists() else []


def go_on(turn: Turn) -> list[dict[str, Any]]:
    """Run what is not there yet; all lines so far."""
    OUT.parent.mkdir(parents=True, exist_ok=True)
    lines = read_lines()
    tried = Counter((line["study"], line["index"]) for line in lines)
    end, truth, writing = time.monotonic() + turn.seconds, truth_per_s(), threading.Lock()

    def one(asked: tuple[str, int]) -> None:
        study, index = asked
        plan, facts = known_plan(index, truth) if study == "known" else healthy_plan(index)
        for attempt in range(tried[asked], TRIES[study]):
            if time.monotonic() > end:
                return
            line = run_once(study, index, plan, {**facts, "attempt": attempt})
            with writing, OUT.open("a") as out:
                lines.append(line)
                out.write(json.dumps(line) + "\n")
                print(f"{study} {index}: {line['word']} {line.get('trial', '')} {facts} {line['why']}", flush=True)
            if line["word"] != "INVALID" or turn.most < 1000:
                return

    with ThreadPoolExecutor(turn.jobs) as pool:
        list(pool.map(one, turn.wanted(lines)))
    return lines


def report(lines: list[dict[str, Any]]) -> None:
    truth = truth_per_s()
    known = [line for line in lines if line["study"] == "known"]
    print(f"\nknown capacity: saturation {saturation_per_s():.1f}/s, truth (p95 <= 1 s) {truth:.1f}/s")
    print(f"{'x truth':>8}  {'runs':>4}  {'PASS':>4}  {'FAIL':>4}  {'undecided':>9}  {'INVALID':>7}")
    for ratio in RATIOS:
        words = Counter(line.get("trial", line["word"]) for line in known if line["ratio"] == ratio)
        cells = words["PASS"], words["FAIL"], words["INCONCLUSIVE"], words["INVALID"] + words["CRASH"]
        print(f"{ratio:>8}  {words.total():>4}  {cells[0]:>4}  {cells[1]:>4}  {cells[2]:>9}  {cells[3]:>7}")
    for search in range(SEARCHES):
        record = [trial for line in known if line["search"] == search and (trial := _trial(line))]
        proven, disproven = bracket(record)
        shown = [f"{side:.1f}" if side is not None else "-" for side in (proven, disproven)]
        print(f"search {search}: {len(record)} runs, proven {shown[0]}, truth {truth:.1f}, disproven {shown[1]}")
    above = [line for line in known if line.get("trial") == "PASS" and line["offered"] > truth]
    print(f"spoiled runs that were run again: {sum(line['word'] == 'INVALID' for line in known)} of {len(known)}")
    print(f"PASS at an offered rate above the truth: {len(above)} of {len(known)}")
    healthy = [line for line in lines if line["study"] == "healthy"]
    print(f"healthy: {len(healthy)} runs, {dict(Counter(line['word'] for line in healthy))}")
    gates = Counter(gate for line in lines for gate in line["broken"])
    print(f"gates that broke, over all runs: {dict(gates)}")


def _trial(line: dict[str, Any]) -> Trial | None:
    from harness.analysis import Word

    if "trial" not in line:
        return None
    nan = float("nan")
    return Trial(Stage.PROBE, line["rate"], Word(line["trial"]), JUDGED_S, nan, nan, line["offered"] or line["rate"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=90.0, help="for runs that are not there yet")
    parser.add_argument("--study", choices=("known", "healthy", "both"), default="both")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--most", type=int, default=1000, help="runs in this call; a spoiled one waits for the next")
    parser.add_argument("--part", default="0/1", help="k/n: only runs whose number leaves k by n")
    parser.add_argument("--report", action="store_true", help="run nothing")
    asked = parser.parse_args()
    studies = ("known", "healthy") if asked.study == "both" else (asked.study,)
    part, parts = map(int, asked.part.split("/"))
    turn = Turn(studies, asked.minutes * 60, asked.jobs, asked.most, (part, parts))
    lines = read_lines() if asked.report else go_on(turn)
    if asked.report or not turn.wanted(lines):
        report(lines)


if __name__ == "__main__":
    main()
