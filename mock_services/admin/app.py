"""The admin API: settings, counts, log and fault leases, as docs/architecture.md words it."""

from __future__ import annotations

import hmac
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from mock_services.admin.metrics import render_metrics
from mock_services.admin.openapi import openapi
from mock_services.children import Child, ChildError
from mock_services.env import variables_of
from mock_services.evidence import RequestLog
from mock_services.faults import FaultError
from mock_services.host import Hosted
from mock_services.leases import Lease, LeaseBook, LeaseError
from mock_services.server import Admission, Peer, Request, Response, json_response
from mock_services.service import Clock, SettingsError

LOG_PAGE_LIMIT = 10_000
_LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}
_LEASE_KEYS = {"on", "fault", "ttl_s", "max_total_s", "owner"}


class Refusal(Exception):  # noqa: N818 -- an answer, not a fault of the program
    """An answer that says no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class AdminApp:
    """Implements `App`. `children` are the mocks that run as processes of their own."""

    def __init__(
        self,
        token: str,
        *,
        hosts: Mapping[str, Hosted],
        leases: LeaseBook[Any],
        log: RequestLog,
        clock: Clock,
        children: Mapping[str, Child],
    ) -> None:
        assert token, "the admin API never runs without a token"
        self._token = token.encode()
        self._hosts = hosts
        self._leases = leases
        self._log = log
        self._clock = clock
        self._children = children
        self._started_s = clock()

    # the server's calls

    def admit(self, peer: Peer) -> Admission:
        return Admission.SERVE

    def left(self, peer: Peer) -> None:
        pass

    def finished(self, request: Request) -> None:
        pass

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        try:
            self._check_caller(request)
            name = request.path.removeprefix("/services/")
            if name in self._children and name != request.path:
                return self._child(request, self._children[name])
            return self._route(request)
        except Refusal as refusal:
            return _refused(refusal)

    # who may ask

    def _check_caller(self, request: Request) -> None:
        """A page in a browser must not reach this port: neither by DNS rebinding (Host) nor across sites (Origin)."""
        host = _host_name("http://" + request.header("host"))
        if host not in _LOOPBACK_NAMES:
            raise Refusal(403, "the Host header must name loopback")
        origin = request.header("origin")
        if origin and _host_name(origin) not in _LOOPBACK_NAMES:
            raise Refusal(403, "requests from other origins are refused")
        given = request.headers.get(b"authorization", b"")
        if not hmac.compare_digest(given, b"Bearer " + self._token):
            raise Refusal(401, "send the token of PEAKPROOF_MOCK_TOKEN as a bearer token")

    # routes

    def _route(self, request: Request) -> Response:
        method, path = request.method, request.path
        reads: dict[str, Callable[[Request], Response]] = {
            "/healthz": self._healthz,
            "/services": self._list_services,
            "/counts": self._counts,
            "/log": self._page_log,
            "/faults": self._list_faults,
            "/metrics": self._metrics,
            "/env": self._env,
            "/openapi.json": lambda _: json_response(200, openapi()),
        }
        if path in reads and method in ("GET", "HEAD"):
            return reads[path](request)
        if path == "/faults" and method == "POST":
            return self._grant(request)
        if path.startswith("/services/"):
            return self._service(request, path.removeprefix("/services/"))
        if path.startswith("/faults/"):
            return self._lease(request, path.removeprefix("/faults/"))
        if path in reads:
            raise Refusal(405, f"{method} is not possible on {path}")
        raise Refusal(404, f"there is no {path}")

    def _healthz(self, request: Request) -> Response:
        return json_response(200, {"ok": True, "uptime_s": round(self._clock() - self._started_s, 3)})

    def _list_services(self, request: Request) -> Response:
        listed = [_describe(host) for host in self._hosts.values()]
        listed += [_describe_child(child) for child in self._children.values()]
        return json_response(200, {"services": listed})

    def _service(self, request: Request, name: str) -> Response:
        host = self._host(name)
        if request.method in ("GET", "HEAD"):
            return json_response(200, _describe(host))
        if request.method != "PATCH":
            raise Refusal(405, f"{request.method} is not possible on a service")
        changes = _read_object(request)
        try:
            settings = host.change_settings(changes)
        except SettingsError as error:
            raise Refusal(422, str(error)) from None
        return json_response(200, settings.model_dump(mode="json"))

    async def _child(self, request: Request, child: Child) -> Response:
        if request.method in ("GET", "HEAD"):
            return json_response(200, _describe_child(child))
        if request.method != "PATCH":
            return _refused(Refusal(405, f"{request.method} is not possible on a service"))
        try:
            return json_response(200, await child.change(_read_object(request)))
        except Refusal as refusal:
            return _refused(refusal)
        except SettingsError as error:
            return _refused(Refusal(422, str(error)))
        except ChildError as error:
            return _refused(Refusal(503, str(error)))

    def _host(self, name: str) -> Hosted:
        if name in self._children:
            raise Refusal(409, f"{name} is the system under test: faults go on what it depends on")
        host = self._hosts.get(name)
        if host is None:
            raise Refusal(404, f"there is no service {name!r}")
        return host

    def _counts(self, request: Request) -> Response:
        return json_response(200, {name: host.context.counts.to_json() for name, host in self._hosts.items()})

    def _page_log(self, request: Request) -> Response:
        query = request.query()
        after = _whole(query, "after", 0, math.inf)
        limit = _whole(query, "limit", 1000, LOG_PAGE_LIMIT)
        page = self._log.page(query.get("service", ""), after, max(1, limit))
        next_after = page[-1].index if page else after
        return json_response(200, {"log": [record.to_json() for record in page], "next_after": next_after})

    def _env(self, request: Request) -> Response:
        services = [(host.name, host.mock, host.url) for host in self._hosts.values()]
        services += [(name, child.mock, child.url) for name, child in self._children.items()]
        return json_response(200, {"env": [asdict(variable) for variable in variables_of(services)]})

    def _metrics(self, request: Request) -> Response:
        text = render_metrics(self._hosts, len(self._leases.in_force()))
        return Response(200, text.encode(), content_type="text/plain; version=0.0.4; charset=utf-8")

    # leases

    def _list_faults(self, request: Request) -> Response:
        in_force = [self._lease_json(lease) for lease in self._leases.in_force()]
        return json_response(
            200, {"faults": in_force, "reverted": [self._lease_json(x) for x in self._leases.reverted]}
        )

    def _grant(self, request: Request) -> Response:
        body = _read_object(request)
        on, name, owner = (_text(body, key) for key in ("on", "fault", "owner"))
        host = self._host(on)
        fields = {key: value for key, value in body.items() if key not in _LEASE_KEYS}
        if "ttl_s" not in body:
            raise Refusal(422, "ttl_s is required: every fault is a lease")
        try:
            fault = host.parse_fault(name, fields)
            host.check(fault)
            total_s = _number(body, "max_total_s") if body.get("max_total_s") is not None else None
            spec = {"fault": name, **fields}
            lease = self._leases.grant(on, fault, spec, ttl_s=_number(body, "ttl_s"), max_total_s=total_s, owner=owner)
        except (FaultError, LeaseError) as error:
            raise Refusal(422, str(error)) from None
        return json_response(201, self._lease_json(lease))

    def _lease(self, request: Request, rest: str) -> Response:
        if request.method == "PUT" and rest.endswith("/renew"):
            lease = self._leases.renew(rest.removesuffix("/renew"))
        elif request.method == "DELETE":
            lease = self._leases.delete(rest)
        elif request.method in ("GET", "HEAD"):
            lease = next((x for x in self._leases.in_force() if x.id == rest), None)
        else:
            raise Refusal(405, f"{request.method} is not possible here; renew with PUT /faults/{{id}}/renew")
        if lease is None:
            raise Refusal(404, "that fault is not in force; GET /faults says how it ended")
        return json_response(200, self._lease_json(lease))

    def _lease_json(self, lease: Lease[Any]) -> dict[str, Any]:
        now = self._clock()
        state: dict[str, Any] = {
            "id": lease.id,
            "on": lease.on,
            **lease.spec,
            "owner": lease.owner,
            "ttl_s": lease.ttl_s,
            "granted_s": lease.granted_s,
        }
        if lease.reason:
            return {**state, "reason": lease.reason, "reverted_s": lease.reverted_s}
        return {**state, "expires_in_s": round(lease.due_s() - now, 3), "ends_in_s": round(lease.ends_s - now, 3)}


def _describe(host: Hosted) -> dict[str, Any]:
    settings = host.settings.model_dump(mode="json")
    return {"name": host.name, "mock": host.mock, "url": host.url, "settings": settings}


def _describe_child(child: Child) -> dict[str, Any]:
    return {"name": child.plan.name, "mock": child.mock, "url": child.url, "settings": child.settings}


def _refused(refusal: Refusal) -> Response:
    return json_response(refusal.status, {"error": {"message": str(refusal)}})


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _read_object(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except ValueError as error:
        raise Refusal(400, f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refusal(400, "the body must be a JSON object")
    return body


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key, "")
    if not isinstance(value, str):
        raise Refusal(422, f"{key} must be text")
    return value


def _number(body: Mapping[str, Any], key: str) -> float:
    value = body[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(422, f"{key} must be a number of seconds")
    return float(value)


def _whole(query: Mapping[str, str], key: str, default: int, most: float) -> int:
    text = query.get(key, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Refusal(422, f"{key} must be a whole number")
    return int(min(int(text), most))
