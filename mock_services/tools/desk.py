"""What every tool mock stands on: its rate limit, its queue, and how long its work takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from mock_services.pace import until
from mock_services.quota import ContinuousBucket
from mock_services.service import Context, Settings
from mock_services.station import Station


class DeskSettings(Settings):
    """Settings of every tool mock."""

    rps: float | None = Field(default=None, gt=0, le=1e6, description="calls a second; beyond it: 429")
    window_s: float = Field(
        default=1.0, gt=0, le=86_400, description="the limit's window: rps x window may come at once"
    )
    latency_ms: float = Field(default=40, ge=0, le=600_000, description="median time of a call")
    spread: float = Field(default=0.3, ge=0, le=2, description="sigma of the log-normal factor on it")
    servers: int = Field(default=64, ge=1, le=4_096, description="calls worked on at once")
    queue: int = Field(default=256, ge=0, le=1_000_000, description="calls that may wait; beyond it: 503")
    retry_after: bool = Field(default=True, description="whether a 429 says when to come back")


@dataclass(frozen=True)
class Standing:
    """Where the limit stands after a call: of `limit` in each window, `remaining` now; full again after `reset_s`."""

    limit: int
    window_s: float
    remaining: int
    reset_s: float
    wait_s: float
    """Until the next call fits; above 0 the present one was refused."""

    @property
    def is_refused(self) -> bool:
        return self.wait_s > 0


class Desk:
    """One limit and one queue. Settings change at once; what is used stays used."""

    def __init__(self, settings: DeskSettings, context: Context) -> None:
        self._context = context
        self._rng = np.random.default_rng([context.seed, 0x700A5])
        self._station = Station(settings.servers, settings.queue)
        self._bucket: ContinuousBucket | None = None
        self.settings = settings
        self.change(settings)

    def change(self, settings: DeskSettings) -> None:
        now_s = self._context.clock()
        is_same_window = self.settings.window_s == settings.window_s
        self.settings = settings
        self._station.resize(settings.servers, settings.queue, now_s)
        if settings.rps is None:
            self._bucket = None
            return
        limit = max(1.0, settings.rps * settings.window_s)
        if self._bucket is not None and is_same_window:
            self._bucket.resize(limit, now_s)
        else:
            self._bucket = ContinuousBucket(limit, max(settings.window_s, 1.0 / settings.rps))

    def take(self) -> Standing | None:
        """Books one call where it fits; None where there is no limit."""
        bucket = self._bucket
        if bucket is None:
            return None
        now_s = self._context.clock()
        wait_s = bucket.wait_s(1.0, now_s)
        if wait_s <= 0:
            bucket.take(1.0, now_s)
        remaining = max(0, math.floor(bucket.limit - bucket.used(now_s) + 1e-6))
        return Standing(math.floor(bucket.limit), bucket.window_s, remaining, bucket.reset_s(now_s), wait_s)

    async def work(self) -> bool:
        """Waits as long as a call takes; False at once where the queue is full."""
        work_s = self.settings.latency_ms / 1e3
        if self.settings.spread:
            work_s *= math.exp(self.settings.spread * float(self._rng.standard_normal()))
        done_s = self._station.admit(self._context.clock(), work_s)
        if done_s is None:
            return False
        await until(done_s, self._context)
        return True


def ietf_headers(standing: Standing) -> list[tuple[str, str]]:
    """`RateLimit-Policy` and `RateLimit`, structured fields of draft-ietf-httpapi-ratelimit-headers-11."""
    window_s, reset_s = max(1, math.ceil(standing.window_s)), math.ceil(standing.reset_s)
    return [
        ("ratelimit-policy", f'"default";q={standing.limit};w={window_s}'),
        ("ratelimit", f'"default";r={standing.remaining};t={reset_s}'),
    ]


def whole_seconds(wait_s: float) -> str:
    """For Retry-After: sufficient, and at least one."""
    return str(max(1, math.ceil(wait_s)))
