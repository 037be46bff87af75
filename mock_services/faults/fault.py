"""What a fault is: a frozen model whose fields are its JSON, and hooks that by default do nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mock_services.server import Admission, Answer, Request, Response, Writer
from mock_services.service import Settings, explain

if TYPE_CHECKING:
    from mock_services.host import Host


class FaultError(ValueError):
    """A fault that cannot be; the message names the field."""


M = TypeVar("M", bound=BaseModel)


def parse_named(kinds: Mapping[str, type[M]], kind: str, name: str, fields: Mapping[str, Any]) -> M:
    """One of `kinds` by its name on the wire. Raises FaultError on an unknown name or field, or a wrong value."""
    known = kinds.get(name)
    if known is None:
        raise FaultError(f"unknown {kind} {name!r}; there are: {', '.join(sorted(kinds))}")
    try:
        return known.model_validate(dict(fields))
    except ValidationError as error:
        raise FaultError("; ".join(explain(error))) from None


@dataclass(frozen=True)
class Moment:
    """What a hook is told about the request it runs for."""

    index: int
    """Of the request, counted from 0 since the lease was granted."""
    since_s: float
    """Since the lease was granted."""
    draw: float
    """In [0, 1): depends on the mock's seed, the lease and the index, and on nothing else."""
    host: Host
    memory: dict[str, bytes]
    """Of the lease: what its hooks want to keep from request to request."""
    on_end: Callable[[Callable[[], None]], None]
    """Registers a call for the moment the fault stops to work; calls at once where it has."""

    async def ended(self, limit_s: float | None = None) -> None:
        """Waits until the fault stops to work, or for so long."""
        event = asyncio.Event()
        self.on_end(event.set)
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), limit_s)


class Fault(BaseModel):
    """The fields here choose which requests are hit; all given ones must agree. None given: every request.

    A subclass overrides the hooks it needs. Hooks run only while the fault's lease is in force.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(default=1.0, gt=0, le=1, description="seeded probability that a request is hit")
    header: str = Field(default="", description="only requests with this header: `name` or `name=value` (a cohort)")
    path: str = Field(default="", description="only requests whose path begins with this")
    from_request: int = Field(default=0, ge=0, description="first request hit, counted from 0 when the fault begins")
    every: int = Field(default=1, ge=1, description="hit each n-th request from there on")
    requests: int = Field(default=0, ge=0, description="hit at most so many requests; 0 is no limit")
    after_s: float = Field(default=0, ge=0, description="begin so long after the lease was granted")
    up_s: float = Field(default=0, ge=0, description="flapping: healthy for so long ...")
    down_s: float = Field(default=0, ge=0, description="... then faulty for so long, again and again, faulty first")

    def active_at(self, since_s: float) -> bool:
        """Whether the fault works at this time since its grant (delay and flapping)."""
        since_s -= self.after_s
        if since_s < 0:
            return False
        period_s = self.up_s + self.down_s
        return period_s <= 0 or self.down_s <= 0 or since_s % period_s < self.down_s

    def selects(self, request: Request, moment: Moment) -> bool:
        position = moment.index - self.from_request
        if position < 0 or position % self.every or (self.requests and position // self.every >= self.requests):
            return False
        if not self.active_at(moment.since_s) or not request.path.startswith(self.path):
            return False
        if self.header:
            name, _, value = self.header.partition("=")
            seen = request.headers.get(name.strip().lower().encode("latin-1"))
            if seen is None or (value and seen.decode("latin-1") != value.strip()):
                return False
        return self.share >= 1 or moment.draw < self.share

    def check(self, host: Host) -> None:
        """Raises FaultError where the fault makes no sense on this service. Asked before the lease is granted."""

    def overlay(self, settings: Settings) -> Mapping[str, Any]:
        """Settings that hold, over the service's own, while the fault works."""
        return {}

    def begin(self, host: Host) -> None:
        """The fault starts to work (again, when it flaps)."""

    def end(self, host: Host) -> None:
        """The fault stops to work. Called exactly once for every `begin`."""

    def admit(self) -> Admission:
        """A connection was accepted."""
        return Admission.SERVE

    async def before(self, request: Request, moment: Moment) -> Response | None:
        """Before the service sees the request: wait, answer in its place, or raise Hang or Reset. None lets it pass."""
        return None

    def response(self, request: Request, answer: Answer, moment: Moment) -> Answer:
        """The service has answered: pass the answer on, or another one."""
        return answer

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        """The answer is a stream: wrap its writer."""
        return writer

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(exclude_defaults=True)
