"""The admin API of mocks that are up already: found by the note that `mock up` leaves, or by address and token."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import orjson

from harness.errors import Problem, RefusedError, UsageError
from harness.run.signals import stopping

TOKEN_VARIABLE = "PEAKPROOF_MOCK_TOKEN"  # noqa: S105 -- the name of a variable
LEASE_LIMIT_S = 60.0
"""The longest that the mocks let a fault live without being renewed."""


class MockAdmin:
    """Calls to one admin API. Every method raises UsageError with the mocks' own words where they refuse, and
    RefusedError where nobody answers."""

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            timeout=20.0,
            trust_env=False,
            transport=transport,
        )

    def __enter__(self) -> MockAdmin:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def variables(self) -> list[dict[str, Any]]:
        """`service`, `name`, `value`, and `second` where another service has the SDK's own name already."""
        return list(self._ask("GET", "/env")["env"])

    def faults(self) -> dict[str, list[dict[str, Any]]]:
        """`faults` in force, and the last hundred that were `reverted`, with the reason."""
        return dict(self._ask("GET", "/faults"))

    def add(self, on: str, fault: str, fields: Mapping[str, Any], ttl_s: float) -> dict[str, Any]:
        """Grants a lease and answers it."""
        owner = {"owner": f"peakproof mock fault add, pid {os.getpid()}"}
        return dict(self._ask("POST", "/faults", {**fields, **owner, "on": on, "fault": fault, "ttl_s": ttl_s}))

    def renew(self, lease_id: str) -> None:
        self._ask("PUT", f"/faults/{lease_id}/renew")

    def remove(self, lease_id: str) -> dict[str, Any]:
        """Reverts a lease now."""
        return dict(self._ask("DELETE", f"/faults/{lease_id}"))

    def hold(self, lease_id: str, for_s: float) -> None:
        """Renews a lease for so long, or until SIGINT or SIGTERM, and then reverts it."""
        ends = time.monotonic() + for_s
        with stopping() as stop:
            while (left_s := ends - time.monotonic()) > 0 and not stop.wait(min(left_s, LEASE_LIMIT_S / 4)):
                self.renew(lease_id)
        self.remove(lease_id)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise RefusedError(Problem(f"the mocks at {self._client.base_url} do not answer: {error}")) from None
        if answer.is_success:
            return orjson.loads(answer.content)
        try:
            said = str(orjson.loads(answer.content)["error"]["message"])
        except (ValueError, KeyError, TypeError):
            said = f"{method} {path} was answered with {answer.status_code}"
        raise UsageError(Problem(said))


def note_path(environ: Mapping[str, str]) -> Path:
    """Where `mock up` says how to reach it: `$XDG_STATE_HOME/peakproof/mock.json`."""
    home = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".local" / "state")
    return Path(home) / "peakproof" / "mock.json"


@contextlib.contextmanager
def noted(path: Path, admin_url: str, token: str) -> Iterator[None]:
    """The note is there inside, for the owner's eyes only; the last `mock up` wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.touch(mode=0o600)
    text = orjson.dumps({"admin": admin_url, "token": token, "pid": os.getpid()})
    part.write_bytes(text)
    part.replace(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_bytes() == text:
                path.unlink()


def running_admin(environ: Mapping[str, str], admin_url: str = "") -> MockAdmin:
    """The admin API at an address (with the token of PEAKPROOF_MOCK_TOKEN), or else the one of `mock up`'s note.

    Raises UsageError where neither is there.
    """
    if admin_url:
        token = environ.get(TOKEN_VARIABLE, "")
        if not token:
            raise UsageError(Problem(f"--admin needs the token in {TOKEN_VARIABLE}"))
        return MockAdmin(admin_url, token)
    try:
        noted_there = orjson.loads(note_path(environ).read_bytes())
        return MockAdmin(str(noted_there["admin"]), str(noted_there["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        advice = "start them with `peakproof mock up`, or say --admin http://127.0.0.1:PORT"
        raise UsageError(Problem("no mocks are up", advice)) from None
