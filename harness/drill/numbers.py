"""The numbers that every drill prints, from what was seen. Pure; unknown is NaN or infinity, never zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.drill import detect
from harness.drill.effect import has_effect, users_feel
from harness.drill.model import Drill
from harness.drill.seen import Bools, Seen
from harness.drill.signals import Signal


@dataclass(frozen=True)
class Share:
    """A share with its exact one-sided 95 % bounds."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else float("nan")

    @property
    def low(self) -> float:
        return detect.share_low(self.hits, self.n)

    @property
    def high(self) -> float:
        return detect.share_high(self.hits, self.n)


@dataclass(frozen=True)
class Fired:
    """A signal of the ladder and when it spoke, seconds after the fault; infinity for never."""

    signal: Signal
    after_s: float
    asked: bool
    """The drill names it; otherwise the upstreams' own log gave it away."""


@dataclass(frozen=True)
class Steady:
    """The baseline against the steady-state hypothesis."""

    errors: Share
    degraded: Share
    """Also the false-degraded share: there is no fault yet."""
    ttft_s_p50: float
    e2e_s_p50: float
    broken: str
    """What does not hold, in words; empty where all does."""


@dataclass(frozen=True)
class Numbers:
    """Everything measured in one drill; durations in seconds."""

    steady: Steady
    fired: tuple[Fired, ...]
    time_to_degraded_s: float
    """From the fault in force to the first signal that was asked for; infinity for never."""
    hold: Share
    """Success, from degraded mode (or its deadline) to the revert."""
    under_fault: Share
    """Success of all that was due under the fault."""
    silent: Share
    """Of the answers that the upstreams show to be degraded: those that do not say so."""
    amplification: float
    calls_per_request: float
    overshoot: float
    time_to_recover_s: float
    """From the revert; infinity for never."""
    recover_from_s: float
    """How long after the revert the recovery's clock starts: 0, or where the last advertised hint ran out."""
    observed_after_s: float
    """How long the load went on after that."""
    metastable: bool
    lost: int
    budget_burned: float
    """Failures since the fault began over those that the errors' limit allows for all of the drill's requests."""
    effects: tuple[tuple[str, bool], ...]
    """Each upstream that a fault was on, and whether its behaviour changed."""
    canary_seen: bool = True
    """Whether any answer of the baseline said who wrote it, where that is looked for."""


def numbers_of(drill: Drill, seen: Seen) -> Numbers:
    asked = drill.expect.degraded.signal if drill.expect.degraded else ()
    own = tuple(s for s in detect.own_signals(seen) if s.text not in {a.text for a in asked})
    carried = {signal: seen.carries(signal) for signal in (*asked, *own)}
    fired = tuple(
        Fired(signal, detect.begin_s(seen, found, signal.share) - seen.inject_s, signal in asked)
        for signal, found in carried.items()
    )
    degraded = seen.marked | np.any([c for s, c in carried.items() if s in asked] or [seen.marked], axis=0)
    began_s = min((f.after_s for f in fired if f.asked), default=np.inf)
    within_s = drill.expect.degraded.within_s if drill.expect.degraded else 0.0
    under = seen.due_in(seen.inject_s, seen.revert_s)
    hold = seen.due_in(seen.inject_s + min(began_s, within_s), seen.revert_s)
    state = drill.steady_state
    back_s = detect.recovered_s(seen, degraded, state.errors.value, state.degraded.value) - seen.revert_s
    from_s = _recover_from_s(drill, seen)
    observed_s = seen.end_s - seen.revert_s - from_s
    since = (seen.due_s >= seen.inject_s) | (seen.finished_s >= seen.inject_s)  # caught in flight by the fault
    lost = int((since & ~seen.success).sum())
    allowed = state.errors.value * max(1, int((seen.due_s >= seen.baseline_s).sum()))
    amplification, calls = _amplification(drill, seen)
    return Numbers(
        steady=_steady(drill, seen, degraded),
        fired=fired,
        time_to_degraded_s=began_s,
        hold=_share(seen.success, hold),
        under_fault=_share(seen.success, under),
        silent=_silent(carried, seen, under),
        amplification=amplification,
        calls_per_request=calls,
        overshoot=_overshoot(drill, seen),
        time_to_recover_s=back_s,
        recover_from_s=from_s,
        observed_after_s=observed_s,
        metastable=bool(back_s == np.inf and observed_s >= drill.metastable_s),
        lost=lost,
        budget_burned=lost / allowed if allowed else float("nan"),
        effects=_effects(drill, seen),
        canary_seen=not drill.seeks_canary or bool((seen.undisturbed & (seen.written_by > 0)).any()),
    )


def _effects(drill: Drill, seen: Seen) -> tuple[tuple[str, bool], ...]:
    return tuple((on, has_effect(seen, on) or on in seen.shown or _felt(seen, on)) for on in drill.broken)


def _felt(seen: Seen, on: str) -> bool:
    """Of what keeps no log of its calls (a TCP proxy, what is not ours), the users tell."""
    return not seen.calls.on(on).any() and users_feel(seen)


def _share(hit: Bools, among: Bools) -> Share:
    return Share(int((hit & among).sum()), int(among.sum()))


def _steady(drill: Drill, seen: Seen, degraded: Bools) -> Steady:
    state, before = drill.steady_state, seen.undisturbed
    errors, marked = _share(~seen.success, before), _share(degraded, before)
    ttft_s, e2e_s = (
        float(np.median(times[before] - seen.due_s[before])) if before.any() else float("nan")
        for times in (seen.answered_s, seen.finished_s)
    )
    broken = []
    if errors.n < detect.WINDOW_REQUESTS:
        broken.append(f"only {errors.n} requests in the baseline, {detect.WINDOW_REQUESTS} are needed")
    for name, share, bound in (("errors", errors, state.errors), ("degraded", marked, state.degraded)):
        # A short baseline with one odd request is no proof against it; an interval beyond the limit is.
        if not bound.allows(share.value) and not bound.allows(share.low):
            broken.append(f"{name} {share.value:.1%} of {share.n}, asked {bound}")
    for name, value, limit in (("ttft", ttft_s, state.ttft_s), ("e2e", e2e_s, state.e2e_s)):
        if limit is not None and not value <= limit:
            broken.append(f"median {name} {value:.2f} s, asked {limit:g} s")
    return Steady(errors, marked, ttft_s, e2e_s, "; ".join(broken))


def _silent(carried: dict[Signal, Bools], seen: Seen, under: Bools) -> Share:
    proven = np.any([c for s, c in carried.items() if s.level >= 4] or [np.zeros_like(under)], axis=0) & under
    said = np.any([seen.marked, *(c for s, c in carried.items() if s.level < 4)], axis=0)
    return _share(~said, proven)


def _recover_from_s(drill: Drill, seen: Seen) -> float:
    recovered = drill.expect.recovered
    if recovered is None or recovered.after == "revert":
        return 0.0
    return max(0.0, seen.last_hint_s - seen.revert_s)


def _amplification(drill: Drill, seen: Seen) -> tuple[float, float]:
    """Calls a request under the fault over those of the baseline, to all upstreams of the kinds that broke."""
    kinds = {on.partition("/")[0] for on in drill.broken}
    ours = np.isin(seen.calls.name, [i for i, n in enumerate(seen.calls.names) if n.partition("/")[0] in kinds])
    per_request = []
    for span in ((seen.baseline_s, seen.inject_s), (seen.inject_s, seen.revert_s)):
        begun = ours & (seen.calls.started_s >= span[0]) & (seen.calls.started_s < span[1])
        due = int(seen.due_in(*span).sum())
        per_request.append(int(begun.sum()) / due if due else float("nan"))
    before, now = per_request
    return (now / before if before > 0 else float("nan")), now


def _overshoot(drill: Drill, seen: Seen) -> float:
    """The highest rate of calls to an upstream that broke, in any window after the revert, over what the load asks of
    it: the baseline's calls a request, times the arrivals due in that window or their mean where fewer were due."""
    width = detect.width_s(seen.rate_per_s)
    due = detect.windows(seen.due_s, seen.success, seen.revert_s, seen.end_s, width)
    before = int(seen.due_in(seen.baseline_s, seen.inject_s).sum())
    worst = float("nan")
    for on in drill.broken:
        started = seen.calls.started_s[seen.calls.on(on)]
        ratio = int(((started >= seen.baseline_s) & (started < seen.inject_s)).sum()) / before if before else 0.0
        if ratio and due.n.size:
            called = detect.windows(started, np.ones(started.size, bool), seen.revert_s, seen.end_s, width)
            asked = ratio * np.maximum(due.n, seen.rate_per_s * width)
            worst = float(np.nanmax([worst, float((called.n / asked).max())]))
    return worst
