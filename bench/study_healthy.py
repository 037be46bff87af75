"""The study on the real stack: how often does a gate cry wolf?

Fifty healthy runs, constant and ramping, of 45 s to 10 min, far from any limit. INVALID or FAIL is a false alarm.

Each run is told in one line of `bench/out/study-healthy.jsonl` as soon as it is made, short ones first; a later call
makes those that are not there yet (remove the file to begin anew). `--budget 20m` makes as many as fit; the table comes
at the end. The folder of a false alarm is kept beside the file.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bench.study_runs import Item, Line, Study, command_line

OUT = Path("bench/out/study-healthy.jsonl")
RUNS = 50
LONGER_S = {2: 120, 9: 120, 16: 120, 23: 120, 30: 120, 12: 600, 33: 600}
"""Judged seconds of the runs that last longer than 45 s, by index."""
BAR = 1
"""So many false alarms of the fifty may be."""
WARM_S = 6

PLAN = """
title: healthy run {index}
target: {target}
journeys: {{call: {journey}}}
arrivals:
  seed: {seed}
  segments:
    - {{phase: warm, ramp: [0/s, {start}/s], for: {warm}s}}
    - {{phase: peak, {shape}, for: {judged}s}}
prompts: {{sizes: {{in: 100, out: 30}}}}
headers: {{Authorization: "Bearer ${{env:STUDY_KEY}}"}}
upstreams: {{tools: {{mock: tools}}, llm: {{mock: openai, preset: hosted-small}}}}
slo: {{slos: ["e2e p95 <= 3s", "errors < 5%"]}}
deadline: 20s
drain: 20s
smoke: true
"""


def item(index: int) -> Item:
    """Run `index`: every second one ramps, two of four are streamed by an LLM."""
    ramp, chat = index % 2 == 1, index % 4 >= 2
    judged = LONGER_S.get(index, 45)
    text = PLAN.format(
        index=index,
        target="llm" if chat else "tools",
        journey="{kind: chat, model: gpt-small}" if chat else "{kind: tool}",
        seed=5000 + index,
        start=10 if ramp else 30,
        shape="ramp: [10/s, 40/s]" if ramp else "hold: 30/s",
        warm=WARM_S,
        judged=judged,
    )
    facts = {"shape": "ramp" if ramp else "constant", "target": "llm" if chat else "tools", "judged_s": judged}
    return Item(index, text, WARM_S + judged, facts)


def study() -> Study:
    items = sorted((item(k) for k in range(RUNS)), key=lambda one: one.load_s)
    return Study("study-healthy", tuple(items), OUT, keeps=frozenset({"INVALID", "FAIL", "CRASH"}))


def table(lines: list[Line]) -> list[str]:
    """What the runs so far came to, by what was run."""
    head = "{:<9} {:<6} {:>6}  {:>4}  {:>4}  {:>9}  {:>7}  {:>4}"
    rows = [head.format("shape", "target", "judged", "runs", "PASS", "undecided", "INVALID", "FAIL")]
    for shape, target, judged in sorted({(line["shape"], line["target"], line["judged_s"]) for line in lines}):
        same = (shape, target, judged)
        words = Counter(line["word"] for line in lines if (line["shape"], line["target"], line["judged_s"]) == same)
        cells = [words[word] for word in ("PASS", "INCONCLUSIVE", "INVALID", "FAIL")]
        row = "{:<9} {:<6} {:>4} s  {:>4}  {:>4}  {:>9}  {:>7}  {:>4}"
        rows.append(row.format(*same, words.total() - words["CRASH"], *cells))
    words = Counter(line["word"] for line in lines)
    alarms, made = words["INVALID"] + words["FAIL"], words.total() - words["CRASH"]
    word = "does not hold" if alarms > BAR else "holds" if made >= RUNS else "holds so far"
    rows.append(f"false alarms: {alarms} of {made} runs (bar: {BAR} of {RUNS}): {word}; crashes: {words['CRASH']}")
    gates = Counter(gate for line in lines for gate in line["broken"] if line["word"] != "CRASH")
    return [*rows, f"gates that broke: {dict(gates)}"]


def main() -> None:
    command_line(study(), __doc__ or "", lambda lines: print("\n" + "\n".join(table(lines))))


if __name__ == "__main__":
    main()
