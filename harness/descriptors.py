"""What a limit of file descriptors allows: the engine keeps to it, and whoever warns beforehand goes by the same."""

from __future__ import annotations

_SPARE = 2_048


def in_flight_within(descriptors: int) -> int:
    """Requests that a process may have open at once with so many file descriptors. Half of few, all but 2,048 of many:
    the rest is for its own files, and for connections that open or close beside those that carry a request."""
    return max(1, descriptors // 2, descriptors - _SPARE)
