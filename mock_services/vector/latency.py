"""How long a search takes: a model by collection size, top_k, filter and payload. Its numbers are illustrative.

`base + per_doubling * log2(size) + per_candidate * max(ef, top_k) + bytes / bandwidth`, times the factor of the filter,
times a log-normal spread, and now and then times a stall for compaction or indexing. A filter is cheap when it leaves
almost nothing (it is answered from the payload index) and dearest around the middle, where the graph is walked in vain.
"""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from mock_services.service import Settings


class SearchCost(Settings):
    """Parameters of the model; times in milliseconds."""

    base_ms: float = Field(default=1.5, ge=0, le=60_000)
    per_doubling_ms: float = Field(default=0.35, ge=0, le=1_000, description="for each doubling of the collection")
    per_candidate_ms: float = Field(default=0.02, ge=0, le=1_000, description="for each candidate looked at")
    ef: int = Field(default=128, ge=1, le=10_000, description="candidates the graph search keeps")
    bandwidth_mb_s: float = Field(default=200, gt=0, description="of payloads and vectors sent back")
    filter_factor: float = Field(default=3.0, ge=1, le=100, description="slow-down by the worst filter")
    spread: float = Field(default=0.2, ge=0, le=2, description="sigma of the log-normal factor")
    stall_share: float = Field(default=0.005, ge=0, le=1, description="share of searches that meet a compaction")
    stall_factor: float = Field(default=8.0, ge=1, le=1_000)


class SearchClock:
    """Draws the duration of each search, seeded."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 0x5EA2C4])

    def duration_s(self, cost: SearchCost, *, size: int, top_k: int, passing: float, sent_bytes: int) -> float:
        """`passing` is the share of the collection that the filter lets through; 1 is no filter."""
        spread = math.exp(cost.spread * float(self._rng.standard_normal())) if cost.spread else 1.0
        stall = cost.stall_factor if self._rng.random() < cost.stall_share else 1.0
        return mean_search_s(cost, size=size, top_k=top_k, passing=passing, sent_bytes=sent_bytes) * spread * stall


def mean_search_s(cost: SearchCost, *, size: int, top_k: int, passing: float = 1.0, sent_bytes: int = 0) -> float:
    """The model without its randomness."""
    milliseconds = cost.base_ms + cost.per_doubling_ms * math.log2(max(size, 2))
    milliseconds += cost.per_candidate_ms * max(cost.ef, top_k)
    milliseconds *= filter_cost(passing, cost.filter_factor)
    milliseconds += sent_bytes / (cost.bandwidth_mb_s * 1e3)
    return milliseconds / 1e3


def filter_cost(passing: float, worst: float) -> float:
    """1 without a filter and again where next to nothing passes; `worst` where half does."""
    if passing >= 1:
        return 1.0
    passing = max(passing, 0.0)
    return 1.0 + (worst - 1.0) * 4 * passing * (1 - passing)
