"""What a mock is: settings that can change while it runs, and an answer to every request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from mock_services.evidence import Counts
from mock_services.server import Answer, Request

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
    """The same settings but for `changes`, validated as a whole."""
    return parse_settings(type(settings), {**settings.model_dump(), **changes})


@dataclass
class Context:
    """What a service is given beside its settings."""

    name: str
    seed: int
    clock: Clock
    counts: Counts = field(default_factory=Counts)
    """Of this service; it reports its pacing error here."""
    loop: asyncio.AbstractEventLoop | None = None

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


@dataclass(frozen=True)
class MockType:
    """One entry of the catalogue."""

    settings: type[Settings]
    build: Callable[[Any, Context], Service]
    """Called with settings of the class above."""
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Named starting points of the settings; explicit keys win over the preset's."""
