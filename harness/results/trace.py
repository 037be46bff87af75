"""The trace context of each arrival (https://www.w3.org/TR/trace-context/): derived, so that nobody needs to store it.

traceparent = 00-<12 bytes of the run><seq as 4 bytes>-<4 bytes of the run><seq as 4 bytes>-01
"""

from __future__ import annotations

import hashlib


def trace_parts(run_id: str) -> tuple[str, str]:
    """(first 24 digits of every trace id of the run, first 8 digits of every parent id); neither is all zeros."""
    digits = hashlib.sha256(f"peakproof {run_id}".encode()).hexdigest()
    return digits[:24], "1" + digits[24:31]


def trace_id(run_id: str, seq: int) -> str:
    """The trace id that arrival `seq` carried, in all its requests: 32 hexadecimal digits."""
    return f"{trace_parts(run_id)[0]}{seq:08x}"
