"""What every dialect shares: one provider behind it, who asks, and where each kind of refusal is put into words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable

from mock_services.llm.openai_request import BadRequest
from mock_services.llm.provider import Denied, Exhausted, Overloaded, Provider
from mock_services.llm.settings import ProviderSettings
from mock_services.server import Answer, Request, Response
from mock_services.service import Context, Settings

Scope = dict[str, str]
"""Whose quota a request is counted on: key, org, region, and the model once it is known."""


class Dialect(ABC):
    """Implements `Service`; a dialect says who asks, what is there, and how each refusal reads."""

    def __init__(self, settings: ProviderSettings, context: Context) -> None:
        self.provider = Provider(settings, context)

    @property
    def settings(self) -> ProviderSettings:
        return self.provider.settings

    def change(self, settings: Settings) -> None:
        self.provider.change(settings)

    def drain(self, labels: tuple[str, ...]) -> None:
        self.provider.drain(labels)

    def cool_down(self, seconds: float) -> None:
        self.provider.cool_down(seconds)

    def warm_up(self) -> None:
        self.provider.warm_up()

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        scope: Scope = {}
        try:
            scope = self.identify(request)
            return self.route(request, scope)
        except BadRequest as bad:
            return self.refused(bad, scope)
        except Denied as denied:
            return self.denied(denied)
        except Exhausted:
            return self.exhausted(scope)
        except Overloaded:
            return self.overloaded(request, scope)

    def scope_of(self, request: Request) -> Scope:
        """As `identify`; empty for somebody unknown."""
        try:
            return self.identify(request)
        except BadRequest:
            return {}

    @abstractmethod
    def identify(self, request: Request) -> Scope:
        """Whose quota it is. Raises BadRequest (401 or the like)."""

    @abstractmethod
    def route(self, request: Request, scope: Scope) -> Answer | Awaitable[Answer]:
        """Raises BadRequest, Denied, Exhausted and Overloaded."""

    @abstractmethod
    def refused(self, bad: BadRequest, scope: Scope) -> Response:
        """The request itself is wrong."""

    @abstractmethod
    def denied(self, denied: Denied) -> Response:
        """A limit is reached: 429, with what is known of the wait."""

    @abstractmethod
    def exhausted(self, scope: Scope) -> Response:
        """The hard limit: billing or spend cap; no wait helps."""

    @abstractmethod
    def overloaded(self, request: Request, scope: Scope) -> Response:
        """The bounded queue is full."""
