"""Failure in the words of the service it happens to, or in plain JSON where it has none of its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mock_services.server import Request, Response, json_response
from mock_services.service import ErrorVoice

if TYPE_CHECKING:
    from mock_services.host import Host


def say_error(host: Host, request: Request, status: int, message: str) -> Response:
    service = host.service
    if isinstance(service, ErrorVoice):
        return service.error(request, status, message)
    return json_response(status, {"error": {"message": message or f"fault: status {status}"}})


def say_throttled(host: Host, request: Request, retry_after_s: float | None) -> Response:
    service = host.service
    if isinstance(service, ErrorVoice):
        return service.throttled(request, retry_after_s)
    headers = [] if retry_after_s is None else [("retry-after", str(max(1, math.ceil(retry_after_s))))]
    return json_response(429, {"error": {"message": "too many requests"}}, headers)


def error_event(host: Host, request: Request, message: str) -> bytes:
    service = host.service
    if isinstance(service, ErrorVoice):
        return service.error_event(request, message)
    return b'event: error\ndata: {"error": {"message": "fault: the stream failed"}}\n\n'
