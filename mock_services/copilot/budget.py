"""The time one request may take, shared out over its upstream calls."""

from __future__ import annotations

import math
from collections.abc import Callable


class Budget:
    """Seconds left until a deadline. An upstream call never gets more than what is left."""

    def __init__(self, total_s: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.deadline_s = clock() + total_s

    @property
    def left_s(self) -> float:
        return max(0.0, self.deadline_s - self._clock())

    @property
    def is_spent(self) -> bool:
        return self._clock() >= self.deadline_s

    def slice_s(self, most_s: float, share: float = 1.0) -> float | None:
        """A timeout of at most `most_s` and at most `share` of what is left; None is no timeout."""
        slice_s = min(most_s, self.left_s * share)
        return None if math.isinf(slice_s) else slice_s
