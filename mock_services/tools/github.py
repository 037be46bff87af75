"""A GitHub-like REST API: an hourly quota told in every answer, and a secondary limit that is told only when met.

Primary: 403 (or 429) with `x-ratelimit-remaining: 0` and `x-ratelimit-reset` in epoch seconds, of a fixed window.
Secondary: 403 (or 429) and the captured message, with or without Retry-After.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Awaitable
from typing import Any, Literal

from pydantic import Field

from mock_services.quota import FixedWindow
from mock_services.server import Answer, Headers, Request, Response, json_response
from mock_services.service import Context, MockType, Service, Settings
from mock_services.tools.desk import Desk, DeskSettings, whole_seconds
from mock_services.tools.functions import search_hit

_DOCS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
_REPOSITORY = re.compile(r"/repos/([\w.-]+)/([\w.-]+)")
_HOUR_S, _MINUTE_S = 3600.0, 60.0


class GitHubSettings(DeskSettings):
    """`rps` is the secondary limit here."""

    hourly: int = Field(default=5_000, ge=1, le=10**9, description="core requests an hour")
    search_per_minute: int = Field(default=30, ge=1, le=10**6)
    refusal: Literal[403, 429] = Field(default=403, description="the status of both limits")


class GitHub:
    """Implements `Service`."""

    def __init__(self, settings: GitHubSettings, context: Context) -> None:
        self._context = context
        self._desk = Desk(settings, context)
        self._own = settings
        self._windows = {
            "core": FixedWindow(settings.hourly, _HOUR_S),
            "search": FixedWindow(settings.search_per_minute, _MINUTE_S),
        }

    @property
    def settings(self) -> Settings:
        return self._own

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, GitHubSettings)
        self._own = settings
        self._desk.change(settings)
        now_s = self._context.clock()
        self._windows["core"].resize(settings.hourly, now_s)
        self._windows["search"].resize(settings.search_per_minute, now_s)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        resource = "search" if request.path.startswith("/search/") else "core"
        if request.path == "/rate_limit":
            return json_response(200, {"resources": {name: self._standing(name) for name in self._windows}})
        if not request.headers.get(b"authorization"):
            return _error(401, "Requires authentication")
        window, now_s = self._windows[resource], self._context.clock()
        if window.wait_s(1.0, now_s) > 0:
            return _error(self._own.refusal, "API rate limit exceeded for user ID 1.", self._headers(resource))
        standing = self._desk.take()
        if standing is not None and standing.is_refused:
            return self._secondary(resource, standing.wait_s)
        window.take(1.0, now_s)
        return self._answer(request, resource)

    async def _answer(self, request: Request, resource: str) -> Answer:
        if not await self._desk.work():
            return _error(503, "Service unavailable")
        headers = self._headers(resource)
        if request.path == "/user":
            return json_response(200, {"login": "octo-dev", "id": 1, "type": "User"}, headers)
        if resource == "search":
            query = request.query().get("q", "")
            items = [_issue(query, rank) for rank in range(5)]
            return json_response(200, {"total_count": len(items), "incomplete_results": False, "items": items}, headers)
        found = _REPOSITORY.fullmatch(request.path)
        if found is None or request.method != "GET":
            return _error(404, "Not Found", headers)
        return json_response(200, _repository(*found.groups()), headers)

    def _secondary(self, resource: str, wait_s: float) -> Response:
        message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        headers = self._headers(resource)
        if self._own.retry_after:
            headers.append(("retry-after", whole_seconds(wait_s)))
        return _error(self._own.refusal, message, headers)

    def _standing(self, resource: str) -> dict[str, int]:
        window, now_s = self._windows[resource], self._context.clock()
        used = math.ceil(window.used(now_s) - 1e-6)
        left_s = window.window_s - now_s % window.window_s
        return {
            "limit": int(window.limit),
            "remaining": max(0, int(window.limit) - used),
            "reset": math.ceil(time.time() + left_s),
            "used": used,
        }

    def _headers(self, resource: str) -> list[tuple[str, str]]:
        standing = self._standing(resource)
        return [(f"x-ratelimit-{name}", str(value)) for name, value in standing.items()] + [
            ("x-ratelimit-resource", resource)
        ]


def _repository(owner: str, name: str) -> dict[str, Any]:
    mark = search_hit(f"{owner}/{name}", 0)
    return {
        "id": int(mark["url"][-8:], 16),
        "name": name,
        "full_name": f"{owner}/{name}",
        "private": False,
        "owner": {"login": owner, "id": 1, "type": "User"},
        "description": mark["snippet"],
        "default_branch": "main",
        "stargazers_count": int(mark["url"][-4:], 16),
    }


def _issue(query: str, rank: int) -> dict[str, Any]:
    hit = search_hit(query, rank)
    return {"id": int(hit["url"][-8:], 16), "number": rank + 1, "title": hit["title"], "state": "open", "score": 1.0}


def _error(status: int, message: str, headers: Headers = ()) -> Response:
    return json_response(status, {"message": message, "documentation_url": _DOCS, "status": str(status)}, headers)


def build(settings: GitHubSettings, context: Context) -> Service:
    return GitHub(settings, context)


GITHUB = MockType(GitHubSettings, build)
