"""The verdict in words: one headline, one sentence why."""

from __future__ import annotations

from harness.analysis.verdict import PEAK_TOLERANCE, Caveat, Check, State, Verdict, Word
from harness.units import format_duration


def headline(verdict: Verdict) -> str:
    """What the word means for whoever decides on the launch."""
    rate = "the load" if verdict.offered_rate is None else f"{verdict.offered_rate:.3g}/s"
    peak = verdict.capacity.forecast_peak
    against = f" (forecast peak {peak:.3g}/s)" if peak else ""
    smoke = ", as far as a smoke run can tell" if verdict.smoke else ""
    match verdict.word:
        case Word.PASS:
            return f"{_shown(verdict, rate)} was sustained inside the SLOs{smoke}{_short_of(verdict)}"
        case Word.FAIL:
            return f"{rate} was not sustained inside the SLOs{against}"
        case Word.INCONCLUSIVE:
            return f"sound measurement, but too little of it to decide at {rate}{against}"
        case Word.INVALID:
            return "the measurement itself cannot be trusted: fix the run, then ask again"


def _shown(verdict: Verdict, rate: str) -> str:
    peak, headroom = verdict.capacity.forecast_peak, verdict.headroom
    if peak is None or headroom is None or headroom < -PEAK_TOLERANCE:
        return rate
    times = f"{1 + headroom:.3g} times " if headroom > PEAK_TOLERANCE else ""
    return f"{times}the forecast peak of {peak:.3g}/s"


def _short_of(verdict: Verdict) -> str:
    peak, headroom = verdict.capacity.forecast_peak, verdict.headroom
    below = peak is not None and headroom is not None and headroom < -PEAK_TOLERANCE
    return f"; the forecast peak of {peak:.3g}/s was not reached" if below else ""


def why(verdict: Verdict) -> str:
    """The reason with the most weight, in one sentence."""
    match verdict.word:
        case Word.PASS:
            return _closest(verdict) + _mostly_degraded(verdict)
        case Word.FAIL:
            return _fail(verdict)
        case Word.INCONCLUSIVE:
            return _undecided(verdict)
        case Word.INVALID:
            broken = [c for c in verdict.caveats if c.status == "broken"]
            first = broken[0].what + (f": {broken[0].advice}" if broken[0].advice else "")
            return first + (f" (and {len(broken) - 1} more gates)" if len(broken) > 1 else "")


def figure(check: Check) -> str:
    """The metric as a person reads it: `1 930 ms`, `1.9 %`."""
    if check.unit == "s":
        return format_duration(check.value)
    return f"{check.value:.3g}" if check.unit not in {"share"} else f"{check.value * 100:.2g} %"


def _blocking(verdict: Verdict, state: State) -> list[Check]:
    return [c for c in verdict.checks if c.gate == "block" and c.state is state]


def _closest(verdict: Verdict) -> str:
    shares = [c for c in _blocking(verdict, State.MET) if c.allowed_share == c.allowed_share]
    if not shares:
        return "every check is met"
    tightest = max(shares, key=lambda c: c.bad_share_high / c.allowed_share)
    return (
        f"every check is met; the closest is {tightest.slo}: {tightest.bad_share:.2%} of requests beyond it, "
        f"at most {tightest.bad_share_high:.2%} with confidence, {tightest.allowed_share:.2%} allowed"
    )


def _mostly_degraded(verdict: Verdict) -> str:
    outcomes = verdict.outcomes
    degraded, ok = outcomes.get("degraded", 0), outcomes.get("ok", 0)
    return f"; but {degraded / (ok + degraded):.0%} of the answers were degraded" if degraded > ok else ""


def _fail(verdict: Verdict) -> str:
    missed = _blocking(verdict, State.MISSED)
    parts = []
    if missed:
        worst = min(missed, key=lambda c: c.p_value)
        if worst.allowed_share == worst.allowed_share:
            parts.append(f"{worst.slo}: {worst.bad_share:.2%} of requests beyond it, {worst.allowed_share:.2%} allowed")
        else:
            parts.append(f"{worst.slo}: {figure(worst)} measured")
    unstable = _first(verdict, "stability")
    if "unstable" in verdict.reasons and unstable is not None:
        parts.append(unstable.what)
    if verdict.first_cause:
        parts.append(verdict.first_cause)
    elif verdict.failures and missed:
        top = verdict.failures[0]
        parts.append(f"{top.share:.0%} of the failures are {top.outcome}")
    return "; ".join(parts)


def _undecided(verdict: Verdict) -> str:
    open_checks = _blocking(verdict, State.UNDECIDED)
    if open_checks:
        last = max(open_checks, key=lambda c: c.more_requests or 0)
        more = f", {last.more_requests} requests more would decide it" if last.more_requests else ""
        took = f" ({last.more_minutes:.1f} minutes at this rate)" if more and last.more_minutes else ""
        return f"{last.slo}: {last.reason}{more}{took}" + (f", {last.advice}" if last.advice else "")
    for kind in ("silence", "coverage", "stability"):
        doubt = _first(verdict, kind)
        if doubt is not None and doubt.status == "noted":
            return doubt.what + (f": {doubt.advice}" if doubt.advice else "")
    return ", ".join(verdict.reasons)


def _first(verdict: Verdict, kind: str) -> Caveat | None:
    return next((c for c in verdict.caveats if c.kind == kind), None)
