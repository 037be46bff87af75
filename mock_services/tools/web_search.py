"""A Tavily-like search API: `POST /search`; 429 on the rate, 432 on the plan, and 200 with nothing found."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from pydantic import Field

from mock_services.server import Answer, Request, Response, json_response
from mock_services.service import Context, MockType, Service, Settings
from mock_services.tools.desk import Desk, DeskSettings, whole_seconds
from mock_services.tools.functions import search_hit

_LARGEST = 20


class SearchSettings(DeskSettings):
    plan_calls: int | None = Field(default=None, ge=0, description="calls the plan still holds; beyond it: 432")
    empty: bool = Field(default=False, description="answers 200 and finds nothing")


class WebSearch:
    """Implements `Service`."""

    def __init__(self, settings: SearchSettings, context: Context) -> None:
        self._desk = Desk(settings, context)
        self._own = settings
        self._used = 0

    @property
    def settings(self) -> Settings:
        return self._own

    def change(self, settings: Settings) -> None:
        """A new plan starts anew."""
        assert isinstance(settings, SearchSettings)
        if settings.plan_calls != self._own.plan_calls:
            self._used = 0
        self._own = settings
        self._desk.change(settings)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        if (request.method, request.path) != ("POST", "/search"):
            return _error(404, "Not Found")
        try:
            body = request.json()
        except ValueError:
            body = None
        if not isinstance(body, Mapping) or not isinstance(body.get("query"), str) or not body["query"]:
            return _error(400, "query is required")
        if not request.headers.get(b"authorization") and not body.get("api_key"):
            return _error(401, "Unauthorized: missing or invalid API key.")
        if self._own.plan_calls is not None and self._used >= self._own.plan_calls:
            return _error(432, "This request exceeds your plan's set usage limit. Please upgrade your plan.")
        standing = self._desk.take()
        if standing is not None and standing.is_refused:
            hint = [("retry-after", whole_seconds(standing.wait_s))] if self._own.retry_after else []
            message = "Your request has been blocked due to excessive requests. Please reduce rate of requests."
            return json_response(429, {"detail": {"error": message}}, hint)
        self._used += 1
        return self._answer(body)

    async def _answer(self, body: Mapping[str, Any]) -> Answer:
        if not await self._desk.work():
            return _error(503, "Service unavailable")
        query, wanted = str(body["query"])[:400], body.get("max_results", 5)
        count = wanted if type(wanted) is int and 0 <= wanted <= _LARGEST else 5
        hits = [] if self._own.empty else [search_hit(query, rank) for rank in range(count)]
        results = [
            {"title": h["title"], "url": h["url"], "content": h["snippet"], "score": h["score"], "raw_content": None}
            for h in hits
        ]
        took_s = self._own.latency_ms / 1e3
        return json_response(
            200, {"query": query, "answer": None, "images": [], "results": results, "response_time": took_s}
        )


def _error(status: int, message: str) -> Response:
    return json_response(status, {"detail": {"error": message}})


def build(settings: SearchSettings, context: Context) -> Service:
    return WebSearch(settings, context)


SEARCH = MockType(SearchSettings, build)
