"""Limits together: a request is admitted by all of them or by none."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from mock_services.quota.meters import (
    EPSILON,
    Acceleration,
    Concurrency,
    ContinuousBucket,
    FixedWindow,
    Meter,
    SlidingWindow,
)

SCOPES_LIMIT = 10_000
"""Meters kept; beyond that the ones unused for longest start anew. A mock under fuzz must not grow without bound."""

Algorithm = Literal["bucket", "sliding", "fixed", "concurrency", "acceleration"]


@dataclass(frozen=True)
class Limit:
    """One limit. `label` tells two limits on the same `counts` apart (RPM and RPD, a minute and its sub-window)."""

    label: str
    counts: str
    """What it counts: `requests`, `tokens`, `input_tokens`, `output_tokens`."""
    amount: float
    window_s: float = 60.0
    algorithm: Algorithm = "bucket"
    scope: tuple[str, ...] = ("org", "model")
    """The attributes of a request that share one meter: `key`, `org`, `model`, `region`, `tenant`."""

    def sub_window(self, seconds: float) -> Limit:
        """Azure's way: 600 a minute, judged as 10 in each second or 100 in each ten."""
        amount = self.amount * seconds / self.window_s
        return Limit(f"{self.label}/{seconds:g}s", self.counts, amount, seconds, "fixed", self.scope)

    def meter(self) -> Meter:
        match self.algorithm:
            case "bucket":
                return ContinuousBucket(self.amount, self.window_s)
            case "sliding":
                return SlidingWindow(self.amount, self.window_s)
            case "fixed":
                return FixedWindow(self.amount, self.window_s)
            case "concurrency":
                return Concurrency(self.amount)
            case "acceleration":
                return Acceleration(self.amount, self.window_s)


@dataclass(frozen=True)
class Denial:
    """Why not, in the provider's own terms. `wait_s` is exact; infinite where waiting does not help."""

    limit: Limit
    used: float
    requested: float
    wait_s: float

    @property
    def too_large(self) -> bool:
        """One request alone is more than the limit allows at once."""
        return self.requested > self.limit.amount + EPSILON


@dataclass(frozen=True)
class Standing:
    """Where one limit stands now: what the headers say."""

    limit: float
    remaining: float
    reset_s: float


class Grant:
    """An admitted request: settles what it really cost, and leaves its place."""

    def __init__(self, booked: list[tuple[Limit, Meter, float]]) -> None:
        self._booked = booked
        self._left = False

    def settle(self, costs: Mapping[str, float], now: float) -> None:
        """Books the difference to what was reserved. `costs` is the request's cost in all, by what is counted."""
        for index, (limit, meter, cost) in enumerate(self._booked):
            final = costs.get(limit.counts)
            if final is not None and final != cost and limit.algorithm not in ("concurrency", "acceleration"):
                meter.take(final - cost, now)
                self._booked[index] = (limit, meter, final)

    def leave(self, now: float) -> None:
        """The request is over; its concurrency place is free. Harmless when called again."""
        if not self._left:
            self._left = True
            for limit, meter, cost in self._booked:
                if limit.algorithm == "concurrency":
                    meter.take(-cost, now)


class Quota:
    """The limits of one account, and their meters by scope."""

    def __init__(self, limits: Iterable[Limit]) -> None:
        self._limits: tuple[Limit, ...] = tuple(limits)
        self._meters: OrderedDict[tuple[str, ...], Meter] = OrderedDict()
        self._drained: dict[str, float] = {}
        """When each label was drained: a meter that is first asked later was drained then, too."""

    @property
    def limits(self) -> tuple[Limit, ...]:
        return self._limits

    def admit(self, scope: Mapping[str, str], costs: Mapping[str, float], now: float) -> Grant | Denial:
        """Books on every limit, or on none and says which needs the longest wait. `requests` costs 1 if not given."""
        booked: list[tuple[Limit, Meter, float]] = []
        denial: Denial | None = None
        for limit in self._limits:
            cost = costs.get(limit.counts, 1.0 if limit.counts == "requests" else 0.0)
            meter = self._meter(limit, scope)
            wait_s = meter.wait_s(cost, now)
            if wait_s > 0 and (denial is None or wait_s > denial.wait_s):
                denial = Denial(limit, meter.used(now), cost, wait_s)
            booked.append((limit, meter, cost))
        if denial is not None:
            return denial
        for _, meter, cost in booked:
            meter.take(cost, now)
        return Grant(booked)

    def standing(self, label: str, scope: Mapping[str, str], now: float) -> Standing | None:
        """None where there is no such limit."""
        for limit in self._limits:
            if limit.label == label:
                meter = self._meter(limit, scope)
                remaining = max(0.0, limit.amount - meter.used(now))
                return Standing(limit.amount, remaining, meter.reset_s(now))
        return None

    def change(self, limits: Iterable[Limit], now: float) -> None:
        """New limits at once. A meter whose limit only moved keeps what is used; other ones start anew."""
        self._drained.clear()
        old = {limit.label: limit for limit in self._limits}
        self._limits = tuple(limits)
        kept: OrderedDict[tuple[str, ...], Meter] = OrderedDict()
        new = {limit.label: limit for limit in self._limits}
        for key, meter in self._meters.items():
            limit, before = new.get(key[0]), old[key[0]]
            if limit is None or (limit.algorithm, limit.window_s, limit.scope) != (
                before.algorithm,
                before.window_s,
                before.scope,
            ):
                continue
            if limit.amount != before.amount:
                meter.resize(limit.amount, now)
            kept[key] = meter
        self._meters = kept

    def drain(self, labels: Iterable[str], now: float) -> None:
        """Somebody else has used these limits up, in every scope."""
        for limit in self._limits:
            if limit.label not in labels or not math.isfinite(limit.amount) or limit.algorithm == "concurrency":
                continue
            self._drained[limit.label] = now
            for key, meter in self._meters.items():
                if key[0] == limit.label:
                    meter.take(max(0.0, limit.amount - meter.used(now)), now)

    def _meter(self, limit: Limit, scope: Mapping[str, str]) -> Meter:
        key = (limit.label, *[scope.get(part, "") for part in limit.scope])
        meter = self._meters.get(key)
        if meter is None:
            meter = self._meters[key] = limit.meter()
            if limit.label in self._drained:
                meter.take(limit.amount, self._drained[limit.label])
            if len(self._meters) > SCOPES_LIMIT:
                self._meters.popitem(last=False)
        else:
            self._meters.move_to_end(key)
        return meter
