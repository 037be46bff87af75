"""What a mock is: settings that can change while it runs, and an answer to every request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError

from mock_services.evidence import Counts
from mock_services.server import Answer, Outbox, Request, Response

Clock = Callable[[], float]
"""Monotonic seconds. The event loop's own in a running mock, a variable in tests."""


class Settings(BaseModel):
    """The parent of every service's settings: frozen, no unknown keys, JSON in and out."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=Settings)


class SettingsError(ValueError):
    """A setting that cannot be: the message names it."""


def parse_settings(kind: type[S], values: Mapping[str, Any]) -> S:
    """Raises SettingsError naming every wrong or unknown key."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise SettingsError("; ".join(explain(error))) from None


def explain(error: ValidationError) -> list[str]:
    """`rpm: Input should be greater than 0`, one line a fault."""
    return [".".join(str(part) for part in e["loc"]) + ": " + e["msg"] for e in error.errors(include_url=False)]


def change_settings(settings: S, changes: Mapping[str, Any]) -> S:
    """The same settings but for `changes`, validated as a whole. A group of settings is changed key by key."""
    now = settings.model_dump()
    for key, value in changes.items():
        grouped = isinstance(value, Mapping) and isinstance(getattr(settings, key, None), Settings)
        now[key] = {**now[key], **value} if grouped else value
    return parse_settings(type(settings), now)


@dataclass
class Context:
    """What a service is given beside its settings."""

    name: str
    seed: int
    clock: Clock
    counts: Counts = field(default_factory=Counts)
    """Of this service; it reports its pacing error here."""
    outbox: Outbox = field(default_factory=Outbox)
    """Of its port: a service that sends on many connections at once holds it meanwhile."""
    loop: asyncio.AbstractEventLoop | None = None
    wall_offset_s: float = 1_800_000_000.0
    """Unix time less the clock's reading, when the mock started."""

    def wall_s(self) -> float:
        """Unix time by the mock's own clock: dates in answers and headers."""
        return self.clock() + self.wall_offset_s

    @property
    def event_loop(self) -> asyncio.AbstractEventLoop:
        assert self.loop is not None, "a service that schedules is given a loop"
        return self.loop


class Service(Protocol):
    """One mock. It never sees faults, leases or the log: the host around it does."""

    @property
    def settings(self) -> Settings:
        """In force now."""

    def change(self, settings: Settings) -> None:
        """Takes new settings (of its own class) at once, keeping its state where that has a meaning."""

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        """Answers at once where it can; fills `request.record` with model, tokens and outcome as it learns them."""


@runtime_checkable
class ErrorVoice(Protocol):
    """A service that has its own words for failure: faults speak through it."""

    def error(self, request: Request, status: int, message: str) -> Response:
        """An error of this status as this service words it. An empty message takes the service's own."""

    def throttled(self, request: Request, retry_after_s: float | None) -> Response:
        """The service's 429; without a hint where `retry_after_s` is None."""

    def error_event(self, request: Request, message: str) -> bytes:
        """The failure of a stream that has begun: the service's own frame."""


@runtime_checkable
class Drainable(Protocol):
    """A service with a quota that somebody else can use up."""

    def drain(self, labels: tuple[str, ...]) -> None:
        """The limits of these labels have nothing left."""


@runtime_checkable
class Generating(Protocol):
    """A service that generates text, and heeds a request's `marks` in it."""

    @property
    def provider(self) -> Any:
        """What does the generating."""


@runtime_checkable
class ColdStarting(Protocol):
    """A service with a model that takes time to load."""

    def cool_down(self, seconds: float) -> None:
        """Nothing is computed for so long."""

    def warm_up(self) -> None:
        """The model is there."""


@runtime_checkable
class Sociable(Protocol):
    """A service that calls others."""

    def meet(self, urls: Mapping[str, str]) -> None:
        """All services of these mocks are up, by name."""

    async def part(self) -> None:
        """It calls nobody any more."""


@dataclass(frozen=True)
class MockType:
    """One entry of the catalogue."""

    settings: type[Settings]
    build: Callable[[Any, Context], Service] | None
    """An HTTP service; called with settings of the class above."""
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Named starting points of the settings; explicit keys win over the preset's."""
    host: Callable[[Any, Context, Any], Any] | None = None
    """What is no HTTP service brings its own `Hosted`: called with settings, context and `Listener`."""
