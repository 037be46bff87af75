"""Did the fault do anything? Told from behaviour, never from the injector's word (lies.md, row 50)."""

from __future__ import annotations

import math

import numpy as np

from harness.drill.seen import Bools, Floats, Seen

SURE_Z = 4.0
"""Standard errors: one false alarm in 30,000."""
SURE_P = 1e-4
_FEWEST = 5


def has_effect(seen: Seen, on: str) -> bool:
    """Whether the calls to `on`, or the answers to users, changed between the baseline and the fault: in their
    outcomes, their durations or their number; or what the other upstreams were asked (a database that finds nothing
    shows in the prompts)."""
    calls = seen.calls
    mine = calls.on(on)
    before, under = (
        mine & (calls.started_s >= start) & (calls.started_s < end)
        for start, end in ((seen.baseline_s, seen.inject_s), (seen.inject_s, seen.revert_s))
    )
    if shares_differ(~calls.ok, before, under):
        return True
    lasted = calls.finished_s - calls.started_s
    if durations_differ(lasted[before], lasted[under]):
        return True
    users_before, users_under = (
        seen.due_in(*span) for span in ((seen.baseline_s, seen.inject_s), (seen.inject_s, seen.revert_s))
    )
    if rates_differ(int(before.sum()), int(users_before.sum()), int(under.sum()), int(users_under.sum())):
        return True
    if any(shares_differ(flag, seen.undisturbed, users_under) for flag in (~seen.success, seen.marked)):
        return True
    return _prompts_differ(seen, on)


def _prompts_differ(seen: Seen, on: str) -> bool:
    """Whether any other upstream was asked longer or shorter questions: the same test as of durations, and their means
    more than a fifth apart."""
    calls = seen.calls
    if calls.tokens_in.size != calls.name.size:
        return False
    for name in calls.names:
        asked = calls.on(name) & (calls.tokens_in > 0)
        before, under = (
            calls.tokens_in[asked & (calls.started_s >= start) & (calls.started_s < end)]
            for start, end in ((seen.baseline_s, seen.inject_s), (seen.inject_s, seen.revert_s))
        )
        if name != on and distributions_differ(before, under):
            means = float(before.mean()), float(under.mean())
            if abs(means[0] - means[1]) > 0.2 * min(means):
                return True
    return False


def users_feel(seen: Seen) -> bool:
    """Whether the answers took another time under the fault: asked of a fault on what keeps no log for us."""
    under = seen.due_in(seen.inject_s, seen.revert_s)
    took_s = seen.finished_s - seen.due_s
    return durations_differ(took_s[seen.undisturbed], took_s[under])


def shares_differ(flag: Bools, before: Bools, under: Bools) -> bool:
    """Two proportions, pooled, with one pseudo-count each way: two empty samples do not differ."""
    n, m = int(before.sum()), int(under.sum())
    if min(n, m) < _FEWEST:
        return False
    k, j = int((flag & before).sum()), int((flag & under).sum())
    pooled = (k + j + 1) / (n + m + 2)
    return abs(k / n - j / m) > SURE_Z * math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))


def rates_differ(calls: int, users: int, calls_now: int, users_now: int) -> bool:
    """Calls a request, before and now, as Poisson counts; more than a fifth apart."""
    if min(users, users_now) < _FEWEST or calls + calls_now < _FEWEST:
        return False
    was, now = calls / users, calls_now / users_now
    error = math.sqrt((calls + 1) / users**2 + (calls_now + 1) / users_now**2)
    return abs(was - now) > max(SURE_Z * error, 0.2 * was)


def durations_differ(before: Floats, under: Floats) -> bool:
    """Different distributions, and medians more than a fifth apart: a machine that is a little slower is no fault."""
    before, under = before[np.isfinite(before)], under[np.isfinite(under)]
    if not distributions_differ(before, under):
        return False
    medians = float(np.median(before)), float(np.median(under))
    return abs(medians[0] - medians[1]) > 0.2 * max(min(medians), 1e-3)


def distributions_differ(before: Floats, under: Floats) -> bool:
    """Kolmogorov and Smirnov's test on two samples (its asymptotic p)."""
    n, m = before.size, under.size
    if min(n, m) < _FEWEST:
        return False
    every = np.concatenate([before, under])
    first = np.searchsorted(np.sort(before), every, "right") / n
    second = np.searchsorted(np.sort(under), every, "right") / m
    distance = float(np.abs(first - second).max())
    return 2 * math.exp(-2 * distance**2 * n * m / (n + m)) < SURE_P
