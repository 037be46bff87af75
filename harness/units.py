"""Durations, rates, shares, money and sizes as people write them, parsed strictly: never a bare number."""

from __future__ import annotations

import math
import re

_NUMBER = r"(?P<number>\d+(?:\.\d+)?)"
_DURATION_PART = re.compile(_NUMBER + r"(?P<unit>ms|us|s|m|h|d|w)")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|s|m|h|d|w))+")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_RATE = re.compile(_NUMBER + r"(?P<scale>[kM]?)\s*/\s*(?P<unit>s|m|min|h)")
_PER_SECOND = {"s": 1.0, "m": 1 / 60, "min": 1 / 60, "h": 1 / 3600}
_SCALE = {"": 1.0, "k": 1e3, "M": 1e6}
_COUNT = re.compile(_NUMBER + r"\s?(?P<scale>[kM]?)")
_SHARE = re.compile(_NUMBER + r"\s*%")
_MONEY = re.compile(_NUMBER + r"\s*(?P<currency>[A-Z]{3})")
_BYTES = re.compile(_NUMBER + r"\s*(?P<unit>B|KiB|MiB|GiB|kB|MB|GB)")
_BYTE = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def parse_duration_s(text: str) -> float:
    """`"250ms"`, `"1m30s"`, `"20m"` -> seconds. Raises ValueError with the accepted forms."""
    text = text.strip()
    if not _DURATION.fullmatch(text):
        raise ValueError(f"not a duration: {text!r}; write it like 250ms, 30s, 10m or 1h30m")
    return sum(float(part["number"]) * _SECONDS[part["unit"]] for part in _DURATION_PART.finditer(text))


def parse_rate_per_s(text: str) -> float:
    """`"40/s"`, `"600/min"`, `"1.2k/s"` -> per second. Raises ValueError with the accepted forms."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a rate: {text!r}; write it like 40/s, 600/min or 1.2k/s")
    return float(match["number"]) * _SCALE[match["scale"]] * _PER_SECOND[match["unit"]]


def parse_count(text: str | int) -> int:
    """`"60k"`, `"1.5M"`, `600` -> a whole number. Raises ValueError where it is not whole or not a count."""
    if isinstance(text, int) and not isinstance(text, bool):
        if text < 0:
            raise ValueError(f"not a count: {text}")
        return text
    match = _COUNT.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"not a count: {text!r}; write it like 600, 60k or 1.5M")
    value = float(match["number"]) * _SCALE[match["scale"]]
    if abs(value - round(value)) > 1e-6:
        raise ValueError(f"not a whole number: {text!r}")
    return round(value)


def parse_share(text: str) -> float:
    """`"0.5%"` -> 0.005. Raises ValueError outside 0..100 %."""
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a share: {text!r}; write it like 0.5% or 98 %")
    value = float(match["number"]) / 100
    if value > 1:
        raise ValueError(f"a share is at most 100 %: {text!r}")
    return value


def parse_money(text: str) -> tuple[float, str]:
    """`"25 USD"` -> (25.0, "USD"). Raises ValueError with the accepted form."""
    match = _MONEY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an amount of money: {text!r}; write it like 25 USD")
    return float(match["number"]), match["currency"]


def parse_bytes(text: str) -> int:
    """`"16 MiB"` -> 16777216. Raises ValueError with the accepted forms."""
    match = _BYTES.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a size: {text!r}; write it like 16 MiB or 500 kB")
    return round(float(match["number"]) * _BYTE[match["unit"]])


def format_duration(seconds: float) -> str:
    """The shortest honest form for a person: `0.4 ms`, `1 930 ms`, `7.1 s`, `12 m 30 s`."""
    if math.isnan(seconds):
        return "-"
    if seconds == float("inf"):
        return "never"
    if abs(seconds) < 0.01:
        return f"{seconds * 1e3:.2g} ms"
    if abs(seconds) < 5:
        return f"{seconds * 1e3:,.0f} ms".replace(",", "\u202f")
    if abs(seconds) < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} m"
