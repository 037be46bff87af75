"""What a run may use up: refused before the start where the plan would exceed it, stopped where the run does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import Problem, RefusedError

if TYPE_CHECKING:  # for the engine's workers, which come through this door too: they need no YAML and no models
    from harness.config import Limits, Prices

TOKENS_PER_PRICE = 1_000_000
"""`prices` are for a million tokens."""


@dataclass(frozen=True)
class Use:
    """What a run uses, planned or so far. Tokens are upper bounds where they are planned: what is asked for."""

    requests: int
    duration_s: float
    tokens_in: int = 0
    tokens_out: int = 0

    def cost(self, prices: Prices) -> float:
        """In the currency of `prices`."""
        return (self.tokens_in * prices.input[0] + self.tokens_out * prices.output[0]) / TOKENS_PER_PRICE


IN_FLIGHT_DEFAULT = 10_000


def in_flight_bound(limits: Limits, descriptors: int | None) -> int:
    """Requests that may be open at once: as the plan says, else 10,000 or half of the descriptor limit (verdict.md)."""
    if limits.in_flight is not None:
        return limits.in_flight
    return min(IN_FLIGHT_DEFAULT, descriptors // 2) if descriptors else IN_FLIGHT_DEFAULT


def exceeded(use: Use, limits: Limits, prices: Prices | None) -> list[str]:
    """Each limit that `use` is over, in words; empty where it is inside all of them."""
    over = []
    if use.requests > limits.requests:
        over.append(f"{use.requests:,} requests are over the limit of {limits.requests:,}")
    if use.duration_s > limits.duration_s:
        over.append(f"{use.duration_s:,.0f} s are over the limit of {limits.duration_s:,.0f} s")
    if limits.cost is not None and prices is not None:
        cost, (amount, currency) = use.cost(prices), limits.cost
        if cost > amount:
            over.append(f"{cost:,.2f} {currency} are over the limit of {amount:,.2f} {currency}")
    return over


def check_budget(use: Use, limits: Limits, prices: Prices | None = None, file: str = "") -> None:
    """Raises RefusedError, before anything is sent, where the planned use is over a limit of the plan."""
    over = exceeded(use, limits, prices)
    if over:
        advice = "plan less, or raise the limit under `limits`"
        raise RefusedError(*(Problem(f"the plan would exceed its budget: {what}", advice, file) for what in over))


def stop_reason(use: Use, limits: Limits, prices: Prices | None = None) -> str:
    """The kill switch: why the load must stop now, or an empty string. `use` is what the run has used so far."""
    over = exceeded(use, limits, prices)
    return f"budget: {over[0]}" if over else ""
