"""How often is the verdict wrong? `python -m bench.verdict [--runs N] [--quick]`: the simulation study behind
verdict.md.

Systems with a known truth, held against limits at a known distance from it, judged three ways: by a point threshold as
load tools do, by an independent binomial test, and by this project's check. A false PASS is the worst bug there is.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from bench import queues
from harness.analysis import Evidence, PhaseWindow, Planned, Rules, State, parse_slo
from harness.analysis.check import check, share_state
from harness.analysis.judge import examine
from harness.analysis.scene import Scene, set_scene
from harness.analysis.steady import drift, warm_up
from harness.results import RESULT_DTYPE, Catalog, Rows

Floats = queues.Floats
RATIOS = (0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25)
Q = 0.99
RATE = 100.0
"""Arrivals/s of every system, so that 10,000 requests take 100 s."""


@dataclass(frozen=True)
class System:
    """A simulated system: `latency(rng, runs, n) -> (due, response)`, and what makes its requests alike."""

    name: str
    latency: Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]
    independent: bool = False


def _plain(draw: Callable[[np.random.Generator, int, int], Floats]) -> Callable[..., tuple[Floats, Floats]]:
    return lambda rng, runs, n: (queues.poisson_due(rng, runs, n, RATE), draw(rng, runs, n))


def _queue(servers: int, rho: float, bursty: bool = False) -> Callable[..., tuple[Floats, Floats]]:
    def simulate(rng: np.random.Generator, runs: int, n: int) -> tuple[Floats, Floats]:
        settle = 3000
        arrive = queues.bursty_due if bursty else queues.poisson_due
        due = arrive(rng, runs, n + settle, RATE)
        service = queues.lognormal_service(rng, runs, n + settle, mean_s=rho * servers / RATE)
        response = queues.queue(due, service, servers)
        return due[:, settle:] - due[:, settle : settle + 1], response[:, settle:]

    return simulate


def _brown_outs(rng: np.random.Generator, runs: int, n: int) -> tuple[Floats, Floats]:
    """Half a second of trouble in every 5 s: 20 cycles fit into 100 s, as the coverage rule asks."""
    due = queues.poisson_due(rng, runs, n, RATE)
    return due, queues.brown_out(rng, queues.lognormal_service(rng, runs, n), due, every_s=5, for_s=0.5, factor=3)


SYSTEMS = (
    System("lognormal", _plain(queues.lognormal_service), independent=True),
    System("bimodal", _plain(queues.bimodal), independent=True),
    System("M/G/8 rho .8", _queue(8, 0.8)),
    System("M/G/8 rho .9", _queue(8, 0.9)),
    System("M/G/2 rho .8", _queue(2, 0.8)),
    System("AR(1) phi .9", _plain(queues.autoregressive)),
    System("brown-outs", _brown_outs),
    System("bursty M/G/8 rho .6", _queue(8, 0.6, bursty=True)),
)


def truth(system: System, seed: int = 99) -> float:
    """The true p99, from two million requests of long runs."""
    rng = np.random.default_rng(seed)
    _, response = system.latency(rng, 40, 50_000)
    return float(np.quantile(response, Q))


def scene_of(due: Floats, response: Floats, constant: bool = True, start_s: float = 0.0) -> Scene:
    """One simulated run as the rows of another tool, with its phase known; from `start_s` on it is judged."""
    array = np.zeros(len(due), RESULT_DTYPE)
    array["seq"] = np.arange(len(due))
    array["due_ns"] = array["sent_ns"] = due * 1e9
    array["finished_ns"] = array["due_ns"] + (response * 1e9).astype(np.int64)
    array["first_token_ns"] = array["last_token_ns"] = -1
    array["phase"] = due >= start_s
    end = float(due[-1]) + 1e-6
    windows = (PhaseWindow("warm", 0, start_s, True, False), PhaseWindow("peak", start_s, end, constant, True))
    planned = Planned(array["due_ns"].copy(), array["phase"].copy(), array["journey"].copy(), array["seq"].copy())
    evidence = Evidence(own_run=False, phases=windows, planned=planned, deadline_s=600.0)
    return set_scene(Rows(array, Catalog(("c",), ("warm", "peak"))), Rules(smoke=True), evidence)


def judged_three_ways(scene: Scene, limit_s: float) -> tuple[str, str, str]:
    """(point threshold, independent binomial, this project) of one run: PASS, FAIL or INCONCLUSIVE each."""
    names = {State.MET: "PASS", State.MISSED: "FAIL", State.UNDECIDED: "INCONCLUSIVE"}
    response = scene.judged.e2e_s
    point = "PASS" if np.quantile(response, Q) <= limit_s else "FAIL"
    share = float((response > limit_s).mean())
    factor = 1 / 1.1916  # without design effect and without its small-sample factor
    independent, _, _ = share_state(share, len(response), factor, 1 - Q, scene.rules)
    slo = parse_slo(f"e2e p99 <= {limit_s * 1e6:.0f}us")
    return point, names[independent], names[check(slo, scene, scene.judged).state]


def study(system: System, n: int, runs: int, seed: int) -> dict[float, list[Counter[str]]]:
    """Words by ratio (true p99 over the limit), one counter for each of the three ways."""
    true_p99 = truth(system)
    rng = np.random.default_rng(seed)
    due, response = system.latency(rng, runs, n)
    words: dict[float, list[Counter[str]]] = {ratio: [Counter(), Counter(), Counter()] for ratio in RATIOS}
    for k in range(runs):
        scene = scene_of(due[k], response[k])
        for ratio in RATIOS:
            for counter, word in zip(words[ratio], judged_three_ways(scene, true_p99 / ratio), strict=True):
                counter[word] += 1
    return words


def more_is_decisive(runs: int, seed: int, n: int = 10_000, ratio: float = 0.9) -> tuple[float, int]:
    """(share of undecided runs that the advised number of further requests decides, undecided runs)."""
    rng = np.random.default_rng(seed)
    system = SYSTEMS[0]
    limit = truth(system) / ratio
    slo = parse_slo(f"e2e p99 <= {limit * 1e6:.0f}us")
    decided = undecided = 0
    for _ in range(runs):
        due, response = system.latency(rng, 1, n)
        first = check(slo, *(_pair(due[0], response[0])))
        if first.state is not State.UNDECIDED or first.more_requests is None:
            continue
        undecided += 1
        more = min(first.more_requests, 1_000_000)
        _, rest = system.latency(rng, 1, more)
        whole = np.concatenate([response[0], rest[0]])
        again = check(slo, *(_pair(np.arange(len(whole)) / RATE, whole)))
        decided += again.state is not State.UNDECIDED
    return (decided / undecided if undecided else 1.0), undecided


def _pair(due: Floats, response: Floats) -> tuple[Scene, object]:
    scene = scene_of(due, response)
    return scene, scene.judged


def overload(rho: float, runs: int, seed: int, n: int = 10_000) -> float:
    """Share of M/G/8 runs of n arrivals, led up to by 20 s of load, that are called unstable."""
    rng = np.random.default_rng(seed)
    warm = int(20 * RATE)
    due = queues.poisson_due(rng, runs, n + warm, RATE)
    response = queues.queue(due, queues.lognormal_service(rng, runs, n + warm, rho * 8 / RATE), 8)
    found = 0
    for k in range(runs):
        scene = scene_of(due[k], response[k], start_s=float(due[k][warm]))
        result = drift(scene, warm_up(scene, scene.segments[0], 600.0), 0.01)
        found += result is not None and result.unstable
    return found / runs


def false_alarms(seconds: float, ramp: bool, rho: float, runs: int, seed: int) -> float:
    """Share of healthy runs (20 arrivals/s, M/G/16) that gates, warm-up or stability spoil."""
    rng = np.random.default_rng(seed)
    rate, warm = 20.0, 15.0
    alarms = 0
    count = int(rate * (seconds + warm) * 1.3) + 50
    for _ in range(runs):
        marks = np.cumsum(rng.exponential(1, count))
        at = np.array([0, warm, warm + seconds, warm + seconds + 1])
        level = np.array([0.4, 0.4, 1.0, 1.0]) * rate if ramp else np.full(4, rate)
        times = np.linspace(0, warm + seconds + 1, 4000)
        rates = np.interp(times, at, level)
        area = np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) / 2 * np.diff(times))])
        due = np.interp(marks[marks < area[-1]], area, times)
        due = due[due < warm + seconds]
        service = queues.lognormal_service(rng, 1, len(due), mean_s=rho * 16 / rate)
        response = queues.queue(due[None, :], service, 16)[0]
        finding = examine(scene_of(due, response, constant=not ramp, start_s=warm), [parse_slo("e2e p95 <= 60s")])
        alarms += bool(finding.broken) or finding.failed
    return alarms / runs


@dataclass(frozen=True)
class Goal:
    """One bar at the foot of verdict.md, and what was measured."""

    name: str
    measured: float
    bar: float
    at_least: bool
    runs: int

    @property
    def holds(self) -> bool:
        """Within the bar, allowing two standard errors of the simulation itself."""
        slack = 2 * (self.bar * (1 - self.bar) / max(self.runs, 1)) ** 0.5
        return self.measured >= self.bar - slack if self.at_least else self.measured <= self.bar + slack

    def line(self) -> str:
        sign = ">=" if self.at_least else "<="
        word = "ok " if self.holds else "NOT"
        return f"{word} {self.name:<66} {self.measured:>7.1%}  {sign} {self.bar:.0%}  ({self.runs} runs)"


def table(runs: int, large_runs: int, seed: int) -> Iterator[tuple[System, int, int, dict[float, list[Counter[str]]]]]:
    """The study of every system at 10,000 and, on fewer runs, at 100,000 requests."""
    for system in SYSTEMS:
        for n, count in ((10_000, runs), (100_000, large_runs)):
            if count:
                yield system, n, count, study(system, n, count, seed)


def goals(results: list[tuple[System, int, int, dict[float, list[Counter[str]]]]]) -> list[Goal]:
    """The bars that the table itself shows: pooled over systems and sizes for the false words, by case for power."""
    found = []
    total = sum(count for _, _, count, _ in results)
    for ratio, word, bar in (
        (1.1, "PASS", 0.01),
        (1.05, "PASS", 0.02),
        (1.0, "PASS", 0.05),
        (0.9, "FAIL", 0.02),
        (0.95, "FAIL", 0.02),
    ):
        wrong = sum(words[ratio][2][word] for _, _, _, words in results)
        found.append(Goal(f"false {word} at {ratio:.2f} x the SLO, all systems", wrong / total, bar, False, total))
    for system, n, count, words in results:
        if system.independent and n == 10_000:
            found.append(Goal(f"PASS at .80 x, {system.name}, 10k", words[0.8][2]["PASS"] / count, 0.95, True, count))
        if system.name == "lognormal" and n == 100_000:
            found.append(Goal("PASS at .95 x, lognormal, 100k", words[0.95][2]["PASS"] / count, 0.95, True, count))
        if system.name == "M/G/8 rho .8" and n == 100_000:
            found.append(Goal("PASS at .80 x, M/G/8 rho .8, 100k", words[0.8][2]["PASS"] / count, 0.9, True, count))
            found.append(Goal("FAIL at 1.10 x, M/G/8 rho .8, 100k", words[1.1][2]["FAIL"] / count, 0.9, True, count))
    return found


def other_goals(runs: int, seed: int) -> list[Goal]:
    """Overload, false alarms and the advice to run more."""
    found = [Goal("overload found at rho 1.05, 10k arrivals", overload(1.05, runs, seed), 0.9, True, runs)]
    found += [
        Goal(f"overload false alarm at rho {rho}", overload(rho, runs, seed), 0.01, False, runs) for rho in (0.9, 0.95)
    ]
    for seconds in (45.0, 120.0, 600.0):
        for ramp in (False, True):
            few = runs if seconds < 600 else max(20, runs // 4)
            kind = "ramping" if ramp else "constant"
            rate = false_alarms(seconds, ramp, 0.8, few, seed)
            found.append(Goal(f"false alarm, healthy {kind} run of {seconds:.0f} s, rho .8", rate, 0.02, False, few))
    share, undecided = more_is_decisive(runs, seed)
    found.append(Goal("'run N more' decides at the second look", share, 0.85, True, undecided))
    return found


def print_study(system: System, n: int, runs: int, words: dict[float, list[Counter[str]]]) -> None:
    """One block of the table: PASS / FAIL shares by ratio for the three ways."""
    print(f"\n{system.name}, {n:,} requests, {runs} runs      true p99 / SLO limit")
    print(f"{'':24}" + "".join(f"{ratio:>14.2f}" for ratio in RATIOS))
    for k, way in enumerate(("point threshold", "independent binomial", "peakproof")):
        cells = (f"{words[r][k]['PASS'] / runs:>6.0%} /{words[r][k]['FAIL'] / runs:>5.0%} " for r in RATIOS)
        print(f"{way:<24}" + "".join(cells) + ("   PASS / FAIL" if k == 0 else ""))


def main() -> int:
    """Prints the table and the goals; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--large-runs", type=int, default=40, help="runs of 100,000 requests each")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    start = time.perf_counter()
    results = []
    for result in table(asked.runs, asked.large_runs, asked.seed):
        print_study(*result)
        sys.stdout.flush()
        results.append(result)
    print("\ngoals (verdict.md)")
    found = [*goals(results), *other_goals(asked.runs, asked.seed)]
    for goal in found:
        print(goal.line())
    print(f"\n{time.perf_counter() - start:.0f} s")
    return 0 if all(goal.holds for goal in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
