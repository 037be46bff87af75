"""Numbers as a person reads them: shares, rates, counts, and values with their intervals. `-` is "not known"."""

from __future__ import annotations

import math

from harness.analysis import Check, State, Word
from harness.report.plain import line
from harness.units import format_duration

THIN = "\u202f"
UNKNOWN = "-"

SIGN = {
    State.MET: "\u2713",
    State.MISSED: "\u2717",
    State.UNDECIDED: "?",
    State.NO_DATA: "\u2013",
}

VERDICT_SIGN = {Word.PASS: "\u2713", Word.FAIL: "\u2717", Word.INCONCLUSIVE: "?", Word.INVALID: "!"}

ACTION = {
    Word.PASS: "Launch",
    Word.FAIL: "No launch: fix the system",
    Word.INCONCLUSIVE: "No launch yet: the evidence is too thin, run more",
    Word.INVALID: "No answer: the measurement cannot be trusted, fix the run",
}


def count(number: float) -> str:
    """`7702` -> `7 702`, grouped by a thin space."""
    return _no_number(number) or f"{round(number):,}".replace(",", THIN)


def share(value: float) -> str:
    """0.0412 -> `4.1 %`: two significant digits of whichever is smaller, the share or what is missing to 100 %."""
    return _no_number(value) or f"{_percent(value)} %"


def limit(value: float, unit: str) -> str:
    """A limit as short as a person writes it: `800 ms`, `2 s`, `1 %`."""
    if not math.isfinite(value):
        return _no_number(value)
    if unit == "share":
        return f"{_trim(_percent(value))} %"
    if unit == "s" and 0 < value < 120:
        return f"{value * 1e3:.4g} ms" if value < 1 else f"{value:.4g} s"
    return quantity(value, unit)


def day_clock(seconds: float) -> str:
    """5400 -> `01:30`: hours and minutes from the start."""
    return f"{int(seconds // 3600):02d}:{int(seconds % 3600 // 60):02d}"


def rate(per_second: float | None) -> str:
    """47.62 -> `47.6`; three significant digits, no unit."""
    if per_second is None or not math.isfinite(per_second):
        return _no_number(math.nan if per_second is None else per_second)
    if per_second >= 100:
        return count(per_second)
    if per_second >= 10:
        return _trim(f"{per_second:.1f}")
    return _trim(f"{per_second:.2f}") if per_second >= 1 else f"{per_second:.2g}"


def quantity(value: float, unit: str) -> str:
    """A value of a check in its unit: `s`, `share`, or any other, which is written behind the number."""
    if unit == "s":
        return format_duration(value)
    if unit == "share":
        return share(value)
    if math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "never" if value > 0 else "none"
    return f"{rate(value)} {line(unit, 8)}".replace(" 1/s", "/s").removesuffix(" ratio")


def quantity_interval(value: float, low: float, high: float, unit: str) -> str:
    """`1 930 ms [1 780, 2 110]`: the value and its interval in one unit; only the value where no interval is known."""
    head = quantity(value, unit)
    if math.isnan(low) or math.isnan(high):
        return head
    if unit == "s":
        tail = ", ".join(_seconds_like(v, value) for v in (low, high))
    elif unit == "share":
        # The bounds are not known better than their value: they take its decimals.
        decimals = min(2, _decimals(100 * (value if 0 < value < 1 else high)))
        tail = f"{100 * low:.{decimals}f}, {100 * high:.{decimals}f}"
    else:
        tail = f"{rate(low)}, {rate(high)}"
    return f"{head} [{tail}]"


def beyond(check: Check) -> str:
    """The share of requests beyond the limit, with its interval and what is allowed."""
    if math.isnan(check.bad_share):
        return UNKNOWN
    text = quantity_interval(check.bad_share, check.bad_share_low, check.bad_share_high, "share")
    return text if math.isnan(check.allowed_share) else f"{text} of max {limit(check.allowed_share, 'share')}"


def sample(check: Check) -> str:
    """`7 702 (3 011)`: requests, and how many independent ones they are worth."""
    return f"{count(check.n)} ({count(check.n_effective)})" if check.n else "0"


def headroom(value: float | None) -> str:
    """`-21 %` with its sign; headroom is proven / forecast peak - 1."""
    if value is None:
        return UNKNOWN
    return _no_number(value) or f"{round(100 * value) + 0:+d} %"


def _no_number(value: float) -> str:
    """What stands for a value that is no number: `-`, the sign of infinity, or `none` (no token ever came)."""
    if math.isnan(value):
        return UNKNOWN
    return "" if math.isfinite(value) else ("\u221e" if value > 0 else "none")


def _seconds_like(value: float, model: float) -> str:
    """`value` in the unit that `format_duration` takes for `model`, without the unit where it is the same."""
    if not math.isfinite(value) or not math.isfinite(model):
        return format_duration(value)
    if abs(model) < 0.01:
        return f"{value * 1e3:.2g}"
    if abs(model) < 5:
        return count(value * 1e3)
    return f"{value:.1f}" if abs(model) < 120 else format_duration(value)


def _percent(value: float) -> str:
    if not math.isfinite(value):
        return _no_number(value)
    percent = 100 * value
    return f"{percent:.{_decimals(percent)}f}"


def _decimals(percent: float) -> int:
    """Enough for two significant digits of the percentage, or of what is missing to 100."""
    room = min(abs(percent), abs(100 - percent))
    return 0 if not math.isfinite(room) or room < 1e-9 else min(4, max(0, 1 - math.floor(math.log10(room))))


def _trim(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number
