"""A Stripe-like payments API: 429 without a hint, 409 on a key in use, and answers replayed by idempotency key."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qsl

from pydantic import Field

from mock_services.server import Answer, Headers, Request, Response, json_response
from mock_services.service import Context, MockType, Service, Settings
from mock_services.tools.desk import Desk, DeskSettings

_KEYS = 10_000
_CREATED = {"/v1/payment_intents": ("pi", "payment_intent"), "/v1/customers": ("cus", "customer")}


class StripeSettings(DeskSettings):
    rps: float | None = Field(default=25.0, gt=0, le=1e6, description="calls a second; beyond it: 429")


class Stripe:
    """Implements `Service`."""

    def __init__(self, settings: StripeSettings, context: Context) -> None:
        self._desk = Desk(settings, context)
        self._own = settings
        self._made: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._by_key: OrderedDict[str, tuple[str, Response | None]] = OrderedDict()
        self._number = 0

    @property
    def settings(self) -> Settings:
        return self._own

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, StripeSettings)
        self._own = settings
        self._desk.change(settings)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        self._number += 1
        headers = [("request-id", f"req_{self._number:014d}"), ("stripe-version", "2026-09-30.basil")]
        if not request.headers.get(b"authorization"):
            return _error(401, "invalid_request_error", "You did not provide an API key.", "", headers)
        standing = self._desk.take()
        if standing is not None and standing.is_refused:
            message = "Request rate limit exceeded. Learn more about rate limits in our documentation."
            limited = [*headers, ("stripe-rate-limited-reason", "global-rate")]
            return _error(429, "invalid_request_error", message, "rate_limit", limited)
        key = request.header("idempotency-key") if request.method == "POST" else ""
        if not key:
            return self._answer(request, headers)
        mark = f"{request.path} {zlib.crc32(request.body)}"
        if key in self._by_key:
            return self._replay(key, mark, headers)
        return self._answer_once(request, key, mark, headers)

    def _replay(self, key: str, mark: str, headers: list[tuple[str, str]]) -> Response:
        before, answer = self._by_key[key]
        if before != mark:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
            )
            return _error(400, "idempotency_error", message, "", headers)
        if answer is None:
            message = "There is currently another in-progress request using this idempotency key."
            return _error(409, "idempotency_error", message, "idempotency_key_in_use", headers)
        return Response(answer.status, answer.body, [*answer.headers, ("idempotent-replayed", "true")])

    async def _answer_once(self, request: Request, key: str, mark: str, headers: Headers) -> Answer:
        self._by_key[key] = (mark, None)
        answer: Response | None = None
        try:
            answer = await self._answer(request, headers)
        finally:
            if answer is None or answer.status >= 500:
                self._by_key.pop(key, None)  # what did not end is not remembered
            else:
                self._by_key[key] = (mark, answer)
            if len(self._by_key) > _KEYS:
                self._by_key.popitem(last=False)
        return answer

    async def _answer(self, request: Request, headers: Headers) -> Response:
        if not await self._desk.work():
            return _error(503, "api_error", "The service is temporarily unavailable.", "", headers)
        if request.method == "POST" and request.path in _CREATED:
            return self._create(request, headers)
        folder, _, name = request.path.rpartition("/")
        if request.method == "GET" and folder in _CREATED:
            made = self._made.get(name)
            if made is not None:
                return json_response(200, made, headers)
            return _error(404, "invalid_request_error", f"No such object: '{name}'", "resource_missing", headers)
        return _error(404, "invalid_request_error", f"Unrecognized request URL ({request.path}).", "", headers)

    def _create(self, request: Request, headers: Headers) -> Response:
        fields = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        prefix, kind = _CREATED[request.path]
        made: dict[str, Any] = {"id": f"{prefix}_{self._number:014d}", "object": kind, "livemode": False}
        if kind == "payment_intent":
            amount = fields.get("amount", "")
            if not amount.isdigit() or not int(amount[:12]) > 0 or not fields.get("currency"):
                message = "amount must be a positive integer and currency is required."
                return _error(400, "invalid_request_error", message, "parameter_missing", headers)
            made |= {"amount": int(amount[:12]), "currency": fields["currency"], "status": "requires_payment_method"}
        else:
            made |= {"email": fields.get("email"), "name": fields.get("name")}
        self._made[made["id"]] = made
        if len(self._made) > _KEYS:
            self._made.popitem(last=False)
        return json_response(200, made, headers)


def _error(status: int, kind: str, message: str, code: str, headers: Headers) -> Response:
    body = {"type": kind, "message": message} | ({"code": code} if code else {})
    return json_response(status, {"error": body}, headers)


def build(settings: StripeSettings, context: Context) -> Service:
    return Stripe(settings, context)


STRIPE = MockType(StripeSettings, build)
