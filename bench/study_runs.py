"""What the studies on the real stack share: plans that are run one after another, each as `peakproof run` in a
process of its own and told in one line of a file, so that a study goes on where it stood."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.analysis import State, verdict_from_json
from harness.analysis.capacity import Stage, Step
from harness.run.capacity import trial_from
from harness.units import parse_duration_s

AROUND_S = 12.0
"""Beside its load a run takes so long: mocks up and down, the drain, the verdict."""
CRASHES = 3
"""A run that came to no verdict is tried so often."""
ENTRY = "import sys; from harness.cli.app import main; sys.exit(main())"

Line = dict[str, Any]
Run = Callable[["Item", int, Path], Line]


@dataclass(frozen=True)
class Item:
    """One run of a study."""

    index: int
    plan: str
    load_s: float
    """Planned, from the first arrival to the last."""
    facts: Line
    """What its line says beside the verdict."""

    @property
    def takes_s(self) -> float:
        return self.load_s + AROUND_S


@dataclass(frozen=True)
class Study:
    """Some runs, and the file that tells of those made so far."""

    name: str
    items: tuple[Item, ...]
    out: Path
    tries: int = 1
    """Of a run that was spoiled (INVALID), in all."""
    keeps: frozenset[str] = frozenset({"INVALID", "CRASH"})
    """Words of runs whose folders are kept beside the file, to be looked at."""

    def lines(self) -> list[Line]:
        return [json.loads(text) for text in self.out.read_text().splitlines()] if self.out.exists() else []

    def wanted(self, lines: Sequence[Line]) -> list[Item]:
        """The runs that are not there yet, or were spoiled and may be tried again."""
        words: dict[int, Counter[str]] = {item.index: Counter() for item in self.items}
        for line in lines:
            words.setdefault(line["index"], Counter())[line["word"]] += 1
        return [item for item in self.items if self._is_wanted(words[item.index])]

    def _is_wanted(self, words: Counter[str]) -> bool:
        settled = words.total() - words["INVALID"] - words["CRASH"]
        return not settled and words["INVALID"] < self.tries and words["CRASH"] < CRASHES


def go_on(
    study: Study, budget_s: float, most: int, run: Run | None = None, clock: Callable[[], float] = time.monotonic
) -> list[Line]:
    """Make at most `most` of the runs that are not there yet, one after another; none is begun that would not end
    within `budget_s`. Each is in the file as soon as it is made. All lines so far."""
    run, end, lines = run or run_once, clock() + budget_s, study.lines()
    study.out.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(most):
        fitting = [item for item in study.wanted(lines) if item.takes_s <= end - clock()]
        if not fitting:
            break
        item = fitting[0]
        attempt = sum(line["index"] == item.index for line in lines)
        line = run(item, attempt, study.out.parent / f"{study.name}-runs" / f"{item.index}-{attempt}")
        if line["word"] not in study.keeps:
            shutil.rmtree(line.pop("kept"), ignore_errors=True)
        lines.append(line)
        with study.out.open("a") as out:
            out.write(json.dumps(line) + "\n")
        print(f"{study.name} {item.index}: {line['word']} {item.facts} {'; '.join(line['why'])}", flush=True)
    return lines


def run_once(item: Item, attempt: int, kept: Path) -> Line:
    """One `peakproof run`, its verdict boiled down to a line; its folder is in `kept`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.yaml"
        path.write_text(item.plan)
        command = [sys.executable, "-c", ENTRY, "run", str(path), "--json", "--runs", f"{folder}/runs"]
        environment = {**os.environ, "STUDY_KEY": "any"}  # the mock asks for a key, whichever it is
        began = time.monotonic()
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=item.takes_s + 300, env=environment
        )
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept)
    line = {"index": item.index, **item.facts, "attempt": attempt, "at": time.strftime("%Y-%m-%d %H:%M:%S")}
    line |= {"load": round(os.getloadavg()[0], 1), "took_s": round(time.monotonic() - began, 1), "kept": str(kept)}
    return line | told(done.stdout, done.stderr, item)


def told(stdout: str, stderr: str, item: Item) -> Line:
    """What a run said, as a search would take it (`trial`) and as it stands (`word`)."""
    try:
        verdict = verdict_from_json(json.loads(stdout))
    except (ValueError, KeyError):
        return {"word": "CRASH", "broken": ["crash"], "why": [stderr[-500:]]}
    step = Step(Stage.PROBE, float(item.facts.get("rate", 0.0)), item.load_s, 0.0, 0, "")
    broken = [caveat for caveat in verdict.caveats if caveat.status == "broken"]
    return {
        "word": verdict.word.value,
        "trial": trial_from(step, verdict, aborted=False).word.value,
        "offered": verdict.offered_rate,
        "broken": [caveat.kind for caveat in broken],
        "why": [caveat.what for caveat in broken] or list(verdict.reasons),
        "missed": [check.slo for check in verdict.checks if check.state is State.MISSED],
    }


def command_line(study: Study, about: str, report: Callable[[list[Line]], None]) -> None:
    """`--budget`, `--most`, `--report`: what every study takes; the table comes at the end of every call."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=parse_duration_s, default=5400.0, metavar="TIME", help="such as 20m [90m]")
    parser.add_argument("--most", type=int, default=1000, metavar="N", help="runs in this call")
    parser.add_argument("--report", action="store_true", help="run nothing, print the table")
    asked = parser.parse_args()
    lines = study.lines() if asked.report else go_on(study, asked.budget, asked.most)
    report(lines)
    left = study.wanted(lines)
    need = f", about {sum(item.takes_s for item in left) / 60:.0f} min" if left else ""
    print(f"{len(left)} of {len(study.items)} runs are still to make{need}; lines in {study.out}")
