"""The drill file: what breaks, under which load, what must happen then and by when. One page, read strictly."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from harness.config import Duration, FilePath, Offset, Rate, Strict
from harness.drill.adapters.activity import OutsideFault
from harness.drill.bounds import Abort, RatioBound, ShareBound
from harness.drill.signals import CANARY, Signal, SignalText

TTL_LIMIT_S = 60.0
OWN_WORDS = ("on", "fault", "for", "after", "owner", "ttl_s", "max_total_s")
"""What a fault's entry says to the drill; every other field is the fault's own."""


class FaultSpec(Strict):
    """One fault, leased from the service it is on. Further fields are the fault's own (`tpm: 40%`, `status: 503`)."""

    model_config = ConfigDict(extra="allow")

    on: str = Field(min_length=1, description="The upstream that breaks, by its name in the plan.")
    fault: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="quota, error, black_hole, latency, ...")
    for_s: Duration | None = Field(
        default=None, alias="for", description="How long; left out: `expect.degraded.within` and `hold`."
    )
    after_s: Offset = Field(default=0.0, alias="after", description="How long after the first fault may begin.")

    @property
    def fields(self) -> dict[str, Any]:
        """The fault's own fields, as the injector takes them."""
        return dict(self.model_extra or {})


class SteadyState(Strict):
    """The steady-state hypothesis: what holds before the fault, and again after it."""

    for_s: Duration = Field(default=60.0, alias="for", description="How long it is watched before the fault.")
    errors: ShareBound = Field(default="< 1%", validate_default=True, description="Share of requests that fail.")
    degraded: ShareBound = Field(
        default="< 2%", validate_default=True, description="Share of answers that are degraded."
    )
    ttft_s: Duration | None = Field(default=None, alias="ttft", description="The median time to the first token.")
    e2e_s: Duration | None = Field(default=None, alias="e2e", description="The median time to the last byte.")


class DegradedMode(Strict):
    """Degraded mode must begin, and carry the load, while the fault lasts."""

    within_s: Duration = Field(alias="within", description="From the fault to the first degraded answers.")
    signal: tuple[SignalText, ...] = Field(
        min_length=1, max_length=16, description="Any of these speaks for it; the report says which did, and when."
    )
    success: ShareBound | None = Field(
        default=None, description="Share of requests that succeed from then (or the deadline) until the fault ends."
    )


class Recovered(Strict):
    """Back inside the steady state, with the in-flight count of before."""

    within_s: Duration = Field(alias="within", description="From the end of the last fault.")
    after: Literal["revert", "last_advertised_hint"] = Field(
        default="revert",
        description="last_advertised_hint: the clock starts when the last Retry-After has run out, if that is later.",
    )


class Expect(Strict):
    """What must happen. Each line is judged by itself; the drill held when all did."""

    degraded: DegradedMode | None = Field(default=None, description="Degraded mode, in time.")
    success: ShareBound | None = Field(default=None, description="Share that succeeds while the faults last.")
    during: tuple[str, ...] = Field(
        default=(), max_length=20, description="Promises that hold while the faults last, like `ttft p95 <= 4s`."
    )
    amplification: RatioBound | None = Field(
        default=None, description="Upstream calls a request during the fault, against those of the baseline."
    )
    overshoot: RatioBound | None = Field(
        default=None, description="Highest upstream rate after the revert, against what the load asks for."
    )
    silent: ShareBound | None = Field(
        default=None, description="Share of degraded answers that do not say so (no header, no model name)."
    )
    recovered: Recovered | None = Field(default=None, description="Back to the steady state, in time.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("nothing is expected; say at least `recovered: {within: 30s}`")
        return self


def _as_date(value: Any) -> Any:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"not a date: {value!r}; write it like 2026-12-24") from None


Day = Annotated[date, BeforeValidator(_as_date)]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Window(Strict):
    """When the drill may start, by the clock of `zone`."""

    days: tuple[Weekday, ...] = Field(default=("mon", "tue", "wed", "thu", "fri"), min_length=1)
    from_: Clock = Field(default="09:00", alias="from", description="Local time, `09:00`.")
    to: Clock = Field(default="17:00", description="Local time; it may not start later.")
    zone: str = Field(default="UTC", description="A time zone by its IANA name.")


class Blackout(Strict):
    """Days on which the drill may not start, both included."""

    from_: Day = Field(alias="from", description="First day, `2026-12-20`.")
    to: Day = Field(description="Last day.")
    why: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to < self.from_:
            raise ValueError("it ends before it begins; swap `from` and `to`")
        return self


class DrillLoad(Strict):
    """The load of the drill: constant, so that what changes is the fault."""

    rate_per_s: Rate | None = Field(
        default=None, alias="rate", description="Left out: the highest rate of the plan's own arrivals."
    )
    warm_s: Duration = Field(default=5.0, alias="warm", description="A ramp to that rate, before the baseline.")
    tail_s: Duration = Field(
        default=10.0, alias="tail", description="Load that goes on after the deadline of the recovery."
    )
    hint_s: Offset = Field(
        default=0.0, alias="hint", description="Room for the last advertised Retry-After, before the recovery's clock."
    )


class Drill(Strict):
    """A drill file, read and checked. Paths are joined to its folder."""

    title: str = Field(min_length=1, max_length=200, description="The hypothesis in one line.")
    number: int | None = Field(default=None, ge=1, description="Its number in the catalogue.")
    why: str = Field(default="", max_length=1000, description="What happened to whom, and what to do when it misses.")
    plan: FilePath = Field(description="Target, journeys, upstreams, promises.")
    set: dict[str, Any] = Field(default={}, description="Values laid over the plan, as `--set` does: {a.b: c}.")
    weakness: dict[str, bool | int | float] = Field(
        default={}, description="Defects of the mock copilot under which this drill does not hold (`--weak`)."
    )
    load: DrillLoad = Field(default=DrillLoad(), description="How much load, and for how long around the fault.")
    injector: str = Field(
        default="", description="Admin URL of mocks that run already; left out: those that the plan starts."
    )
    steady_state: SteadyState = Field(default=SteadyState(), description="What holds before and after.")
    faults: tuple[FaultSpec, ...] = Field(default=(), max_length=20, description="What breaks, and when.")
    outside: tuple[OutsideFault, ...] = Field(
        default=(), max_length=10, description="What breaks that no mock holds: an action, its rollback, and probes."
    )
    hold_s: Duration = Field(default=60.0, alias="hold", description="For faults without `for`.")
    ttl_s: Duration = Field(default=15.0, alias="ttl", description="A fault nobody renews ends by itself after this.")
    expect: Expect = Field(description="What must happen then.")
    abort: Abort | None = Field(
        default="errors > 50% for 30s", validate_default=True, description="When to end it early, and revert."
    )
    window: Window | None = Field(default=None, description="When it may start; left out: always.")
    blackout: tuple[Blackout, ...] = Field(default=(), description="Days without drills.")
    every_s: Duration | None = Field(
        default=None,
        alias="every",
        description="How often it is to be run, `30d`; `drill list` says when it is overdue.",
    )
    metastable_s: Duration = Field(
        default=300.0, alias="metastable", description="Still degraded so long after the revert has this name."
    )

    @field_validator("ttl_s")
    @classmethod
    def _short_lease(cls, value: float) -> float:
        if value > TTL_LIMIT_S:
            raise ValueError(f"a lease lasts at most {TTL_LIMIT_S:.0f} s; it is renewed while the drill runs")
        return value

    @field_validator("weakness", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {value: True}
        return dict.fromkeys(value, True) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _breaks_something(self) -> Self:
        if not self.faults and not self.outside:
            raise ValueError("nothing breaks; name a fault under `faults`, or an action under `outside`")
        return self

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Those that may speak for degraded mode; empty where it is not expected."""
        return self.expect.degraded.signal if self.expect.degraded else ()

    @property
    def broken(self) -> tuple[str, ...]:
        """What the faults are on, each once."""
        return tuple(dict.fromkeys([*(f.on for f in self.faults), *(f.name for f in self.outside)]))

    @property
    def seeks_canary(self) -> bool:
        """Whether the answers' text must be read for who wrote it."""
        return any(signal.kind == CANARY for signal in self.signals)

    @property
    def rests_on_canary(self) -> bool:
        """Whether nothing else could tell degraded mode."""
        return self.seeks_canary and all(signal.kind == CANARY for signal in self.signals)

    def fault_s(self, fault: FaultSpec | OutsideFault) -> float:
        """How long `fault` lasts."""
        if fault.for_s is not None:
            return fault.for_s
        within_s = self.expect.degraded.within_s if self.expect.degraded else 0.0
        return within_s + self.hold_s
