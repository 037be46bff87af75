"""How long to wait, in the four incompatible encodings that providers use."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import formatdate


def go_duration(seconds: float) -> str:
    """OpenAI, Groq: `84ms`, `1.146s`, `6m0s`, `1h0m0s`, to the millisecond, as Go prints a time.Duration."""
    milliseconds = round(seconds * 1000)
    if milliseconds <= 0:
        return "0s"
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes_left}m{text}"
    return f"{minutes}m{text}" if minutes else text


def whole_seconds(seconds: float) -> int:
    """Retry-After as an integer: sufficient, and at least 1, for 0 means "no hint" to several SDKs."""
    return max(1, math.ceil(seconds - 1e-9))


def whole_milliseconds(seconds: float) -> int:
    """retry-after-ms: sufficient."""
    return max(0, math.ceil(seconds * 1000 - 1e-6))


def rfc3339(epoch_s: float) -> str:
    """Anthropic: whole seconds, rounded up, UTC."""
    return datetime.fromtimestamp(math.ceil(epoch_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(epoch_s: float) -> str:
    """RFC 9110's IMF-fixdate, rounded up."""
    return formatdate(math.ceil(epoch_s), usegmt=True)
