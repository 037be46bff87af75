"""The capacity search as a state machine: it says which rate to run next, is told what came of it, and never drives
anything.

Probe by steps of x1.5 from a safe rate until one is not a PASS; then 5 to 7 rates over the bracket in random order;
then
bisect until disproven / proven <= 1.15 or the budget is spent; then soak at proven. The whole state is the record of
the steps run so far: `next_step(search, record)` is pure, so a search resumes from what it wrote down.

`proven` never rests on an interpolation: it is the highest rate that passed below every rate that failed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from harness.analysis.verdict import Capacity, State, Verdict, Word

NEAR_SHARE = 0.1
_CUTS = (0.5, 0.75, 0.25)
"""Where in the bracket to try next, while the tries stay undecided."""


class Stage(StrEnum):
    """Where the search is."""

    PROBE = "probe"
    BRACKET = "bracket"
    BISECT = "bisect"
    SOAK = "soak"
    DONE = "done"


@dataclass(frozen=True)
class Search:
    """What is asked: rates in arrivals/s, durations in seconds."""

    safe_rate: float
    highest_rate: float
    """No step goes beyond it: the budget's, or a person's, last word."""
    step_s: float
    soak_s: float
    """0 leaves the soak out: proven then rests on the steps alone."""
    budget_s: float
    drain_s: float = 15.0
    """Between steps, load off: what one step left in queues must not judge the next."""
    factor: float = 1.5
    bracket_rates: int = 5
    close: float = 1.15
    seed: int = 0
    most_invalid: int = 3
    """Spoiled runs in all before the search gives up."""

    def __post_init__(self) -> None:
        if not 0 < self.safe_rate <= self.highest_rate:
            raise ValueError(
                f"the safe rate lies above 0 and not above the highest: {self.safe_rate}, {self.highest_rate}"
            )
        if not (self.factor > 1 and self.close > 1 and self.step_s > 0):
            raise ValueError("factor and close are above 1, and a step takes time")
        if self.bracket_rates and not 5 <= self.bracket_rates <= 7:
            raise ValueError(f"5 to 7 rates over the bracket, or none, not {self.bracket_rates}")


@dataclass(frozen=True)
class Step:
    """The next run: its rate, how long, and why."""

    stage: Stage
    rate: float
    duration_s: float
    drain_s: float
    index: int
    """How many steps were run before it: part of its seed, so that a resumed search repeats no arrivals."""
    why: str


@dataclass(frozen=True)
class Trial:
    """What one step showed."""

    stage: Stage
    rate: float
    """As asked."""
    word: Word
    duration_s: float
    bad_share: float
    """Of the check nearest to its limit, as a share; NaN where nothing was measured."""
    allowed_share: float
    offered_rate: float
    """As realised."""
    aborted: bool = False

    @property
    def passed(self) -> bool:
        return self.word is Word.PASS

    @property
    def failed(self) -> bool:
        return self.word is Word.FAIL


def trial_of(step: Step, verdict: Verdict, aborted: bool = False) -> Trial:
    """What a judged run says to the search: its word, and the check nearest to its limit for the estimate."""
    shares = [c for c in verdict.checks if c.gate == "block" and c.state is not State.NO_DATA and c.allowed_share > 0]
    worst = max(shares, key=lambda c: c.bad_share / c.allowed_share, default=None)
    return Trial(
        stage=step.stage,
        rate=step.rate,
        word=verdict.word,
        duration_s=step.duration_s,
        bad_share=worst.bad_share if worst else float("nan"),
        allowed_share=worst.allowed_share if worst else float("nan"),
        offered_rate=verdict.offered_rate if verdict.offered_rate is not None else step.rate,
        aborted=aborted,
    )


def should_abort(requests: int, bad: int, allowed_share: float, in_flight: int, in_flight_limit: int) -> str:
    """Why a running step should end now, or an empty string: the target is far beyond the limit, or about to drown.

    `bad` of `requests` finished so far were beyond an SLO that allows `allowed_share`."""
    if requests >= 100 and bad / requests > max(0.5, 10 * allowed_share):
        return f"{bad} of {requests} requests are beyond the limit"
    if in_flight >= 0.9 * in_flight_limit:
        return f"{in_flight} requests in flight, the bound is {in_flight_limit}"
    return ""


def bracket(record: Sequence[Trial]) -> tuple[float | None, float | None]:
    """(proven, disproven). A rate that failed once disproves every rate from it on, whatever passed above it."""
    disproven = min((o.offered_rate for o in record if o.failed), default=None)
    below = [o.offered_rate for o in record if o.passed and (disproven is None or o.offered_rate < disproven)]
    return max(below, default=None), disproven


def estimate(record: Sequence[Trial]) -> float | None:
    """Where the bad share crosses what is allowed: isotonic regression of its logit on rate, weighted by duration."""
    seen = [o for o in record if not math.isnan(o.bad_share) and o.word is not Word.INVALID]
    if len({o.rate for o in seen}) < 2:
        return None
    seen.sort(key=lambda o: o.offered_rate)
    rates = np.array([o.offered_rate for o in seen])
    shares = np.clip([o.bad_share / o.allowed_share for o in seen], 1e-4, 1e4)
    level = isotonic(np.log(shares), np.array([o.duration_s for o in seen]))
    above = np.flatnonzero(level > 0)
    if len(above) == 0 or above[0] == 0:
        return None
    k = int(above[0])
    part = -level[k - 1] / (level[k] - level[k - 1])
    crossing = float(rates[k - 1] + part * (rates[k] - rates[k - 1]))
    proven, disproven = bracket(record)
    return min(max(crossing, proven or 0.0), disproven if disproven is not None else math.inf)


def isotonic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The nearest never-falling sequence (weighted least squares, pool adjacent violators). Shapes (n,)."""
    pools: list[list[float]] = []
    for value, weight in zip(values, weights, strict=True):
        pools.append([float(value), float(weight), 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, wa, na), (b, wb, nb) = pools[-2], pools.pop()
            pools[-1] = [(a * wa + b * wb) / (wa + wb), wa + wb, na + nb]
    return np.concatenate([np.full(int(count), value) for value, _, count in pools])


def capacity_of(record: Sequence[Trial], forecast_peak: float | None = None) -> Capacity:
    """The bracket so far."""
    proven, disproven = bracket(record)
    return Capacity(proven=proven, estimate=estimate(record), disproven=disproven, forecast_peak=forecast_peak)


def next_step(search: Search, record: Sequence[Trial]) -> Step:
    """The next run, or a step of stage DONE with the reason why."""
    if sum(o.word is Word.INVALID for o in record) >= search.most_invalid:
        return _done(record, "too many runs were spoiled: mend the generator or the machine, then resume")
    if record and record[-1].word is Word.INVALID:
        return _affordable(search, record, record[-1].stage, record[-1].rate, "again: the run was spoiled")
    proven, disproven = bracket(record)
    if any(o.stage is Stage.SOAK for o in record):
        return _after_soak(search, record)
    if disproven is None:
        return _probe(search, record)
    if proven is None:
        return _down(search, record, disproven)
    return _inside(search, record, proven, disproven)


def _is_near(trial: Trial) -> bool:
    """Its bad share lies near what is allowed. A step that is undecided far below it was only too short: a higher rate
    tells more in the same time."""
    return not trial.bad_share <= NEAR_SHARE * trial.allowed_share


def _probe(search: Search, record: Sequence[Trial]) -> Step:
    if not record:
        return _affordable(search, record, Stage.PROBE, search.safe_rate, "a safe rate first")
    last = record[-1]
    repeats = sum(o.rate == last.rate for o in record)
    if last.word is Word.INCONCLUSIVE and not last.aborted and repeats < 2 and _is_near(last):
        return _affordable(search, record, Stage.PROBE, last.rate, "again: too near to decide")
    stopped = min((o.rate for o in record if o.aborted and not o.failed), default=math.inf)
    if math.isfinite(stopped):
        return _below(search, record, stopped)
    top = max(o.rate for o in record)
    if top >= search.highest_rate:
        return _soak(search, record, "the highest rate allowed is reached")
    rate = min(top * search.factor, search.highest_rate)
    return _affordable(search, record, Stage.PROBE, rate, f"x{search.factor:g} up")


def _below(search: Search, record: Sequence[Trial], stopped: float) -> Step:
    """A rate that had to be stopped before it was disproven is not tried again, nor anything above it."""
    top = max((o.rate for o in record if o.rate < stopped), default=0.0)
    if top and stopped / top <= search.close:
        return _soak(search, record, "the next higher rate had to be stopped")
    rate = math.sqrt(top * stopped) if top else stopped / search.factor
    return _affordable(search, record, Stage.PROBE, rate, "below a rate that had to be stopped")


def _down(search: Search, record: Sequence[Trial], disproven: float) -> Step:
    rate = min(disproven, *(o.rate for o in record)) / search.factor
    if rate < search.safe_rate / search.factor**6:
        return _done(record, "no rate passes, however low: mend the target first")
    return _affordable(search, record, Stage.PROBE, rate, f"x{search.factor:g} down: nothing is proven yet")


def _bracket_plan(search: Search, record: Sequence[Trial]) -> list[float]:
    """Rates inside the bracket that the probe left, in seeded random order; as the first such step found it."""
    before = []
    for trial in record:
        if trial.stage is not Stage.PROBE:
            break
        before.append(trial)
    proven, disproven = bracket(before)
    if proven is None or disproven is None or disproven / proven <= search.close:
        return []
    rates = np.geomspace(proven, disproven, search.bracket_rates + 2)[1:-1]
    order: list[float] = np.random.default_rng(search.seed).permutation(rates).tolist()
    return order


def _inside(search: Search, record: Sequence[Trial], proven: float, disproven: float) -> Step:
    """Between what passed and what failed: first the random order, then bisection."""
    planned = _bracket_plan(search, record)
    done = sum(o.stage is Stage.BRACKET and o.word is not Word.INVALID for o in record)
    if done < len(planned):
        why = f"{done + 1} of {len(planned)} over the bracket"
        return _affordable(search, record, Stage.BRACKET, planned[done], why)
    return _bisect(search, record, proven, disproven)


def _bisect(search: Search, record: Sequence[Trial], proven: float, disproven: float) -> Step:
    if disproven / proven <= search.close:
        return _soak(search, record, f"the bracket is within x{search.close:g}")
    tried = [o for o in record if o.stage is Stage.BISECT and proven < o.offered_rate < disproven]
    if len(tried) >= len(_CUTS):
        # Rates all over the bracket stayed undecided: the limit is a slope, not an edge; more runs would say the same.
        return _soak(search, record, "rates inside the bracket stay undecided")
    rate = proven * (disproven / proven) ** _CUTS[len(tried)]
    return _affordable(search, record, Stage.BISECT, rate, "between proven and disproven")


def _soak(search: Search, record: Sequence[Trial], why: str) -> Step:
    proven, _ = bracket(record)
    if proven is None:
        return _done(record, f"{why}; nothing passed")
    if search.soak_s <= 0:
        return _done(record, why)
    return _affordable(search, record, Stage.SOAK, proven, f"{why}: soak at the highest rate that passed")


def _after_soak(search: Search, record: Sequence[Trial]) -> Step:
    last = [o for o in record if o.stage is Stage.SOAK][-1]
    proven, _ = bracket(record)
    if last.passed:
        return _done(record, "the soak passed")
    if proven is None:
        return _done(record, "the soak failed, and nothing lower is proven")
    if last.failed:
        return _affordable(search, record, Stage.SOAK, proven, "the soak failed: the next lower rate that passed")
    return _done(record, "the soak did not decide: proven rests on the shorter runs")


def _affordable(search: Search, record: Sequence[Trial], stage: Stage, rate: float, why: str) -> Step:
    duration = search.soak_s if stage is Stage.SOAK else search.step_s
    spent = sum(o.duration_s + search.drain_s for o in record)
    if spent + duration + search.drain_s > search.budget_s:
        return _done(record, "the budget is spent")
    return Step(stage, rate, duration, search.drain_s, len(record), why)


def _done(record: Sequence[Trial], why: str) -> Step:
    return Step(Stage.DONE, 0.0, 0.0, 0.0, len(record), why)


def record_to_json(record: Sequence[Trial]) -> list[dict[str, object]]:
    """The record as plain data, for the file that a search resumes from."""
    return [
        {**{name: getattr(o, name) for name in o.__dataclass_fields__}, "stage": o.stage.value, "word": o.word.value,
         "bad_share": None if math.isnan(o.bad_share) else o.bad_share,
         "allowed_share": None if math.isnan(o.allowed_share) else o.allowed_share}
        for o in record
    ]  # fmt: skip


def record_from_json(data: Sequence[dict[str, object]]) -> tuple[Trial, ...]:
    """What `record_to_json` wrote. Raises ValueError on anything else."""
    record = []
    for entry in data:
        try:
            numbers = {
                name: float("nan") if entry[name] is None else float(str(entry[name]))
                for name in ("rate", "duration_s", "bad_share", "allowed_share", "offered_rate")
            }
            stage, word = Stage(str(entry["stage"])), Word(str(entry["word"]))
            record.append(Trial(stage=stage, word=word, aborted=entry["aborted"] is True, **numbers))
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"not a step of a capacity search: {error}") from None
    return tuple(record)
