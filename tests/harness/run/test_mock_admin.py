from __future__ import annotations

import json
from pathlib import Path

import httpx
import orjson
import pytest

from harness.errors import RefusedError, UsageError
from harness.run import mock_admin
from harness.run.mock_admin import MockAdmin, note_path, noted, running_admin
from harness.run.mocks import wanted_services

TOKEN = "s3cret"


class Mocks:
    """What the admin API would say, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, object]] = []
        self.status, self.answer = 200, {"id": "f1"}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        self.asked.append((request.method, request.url.path, orjson.loads(request.content or b"null")))
        return httpx.Response(self.status, json=self.answer)

    def admin(self) -> MockAdmin:
        return MockAdmin("http://127.0.0.1:1", TOKEN, httpx.MockTransport(self))


def test_a_fault_is_granted_with_its_fields_and_removed() -> None:
    mocks = Mocks()
    with mocks.admin() as admin:
        assert admin.add("llm", "latency", {"add_ms": 5}, 30) == {"id": "f1"}
        admin.remove("f1")
    (method, path, body), removed = mocks.asked
    assert (method, path) == ("POST", "/faults")
    assert body == {"on": "llm", "fault": "latency", "ttl_s": 30, "add_ms": 5, "owner": body["owner"]}  # type: ignore[index]
    assert removed[:2] == ("DELETE", "/faults/f1")


def test_a_held_fault_is_renewed_and_then_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mock_admin, "LEASE_LIMIT_S", 0.04)
    mocks = Mocks()
    with mocks.admin() as admin:
        admin.hold("f1", 0.05)
    paths = [path for _, path, _ in mocks.asked]
    assert paths[0] == "/faults/f1/renew" and paths[-1] == "/faults/f1"
    assert mocks.asked[-1][0] == "DELETE"


def test_a_refusal_is_told_in_the_mocks_own_words_and_silence_as_such() -> None:
    mocks = Mocks()
    mocks.status, mocks.answer = 422, {"error": {"message": "add_ms: must be positive"}}  # type: ignore[dict-item]
    with mocks.admin() as admin, pytest.raises(UsageError, match="add_ms: must be positive"):
        admin.add("llm", "latency", {"add_ms": -5}, 30)

    def dead(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with MockAdmin("http://127.0.0.1:1", TOKEN, httpx.MockTransport(dead)) as admin, pytest.raises(RefusedError):
        admin.faults()


def test_the_note_is_for_the_owner_only_and_goes_with_its_mocks(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    with pytest.raises(UsageError, match="mock up"):
        running_admin(environ)
    with noted(note_path(environ), "http://127.0.0.1:7", TOKEN):
        path = note_path(environ)
        assert path.stat().st_mode & 0o077 == 0
        assert json.loads(path.read_text())["admin"] == "http://127.0.0.1:7"
        running_admin(environ).__exit__(None, None, None)
        with noted(path, "http://127.0.0.1:8", TOKEN):
            assert json.loads(path.read_text())["admin"].endswith(":8")
        path.write_text("another one's")
    assert path.read_text() == "another one's", "a note of later mocks is not ours to remove"
    path.unlink()
    with pytest.raises(UsageError, match="PEAKPROOF_MOCK_TOKEN"):
        running_admin(environ, "http://127.0.0.1:9")


def test_dialects_are_mocks_of_their_own_on_ports_of_their_own() -> None:
    services = wanted_services([], ["anthropic", "mcp", "anthropic"])
    assert [(s["name"], s["mock"], s["port"], s.get("preset")) for s in services] == [
        ("anthropic", "anthropic", 8084, "hosted-chat"),
        ("mcp", "mcp", 8085, None),
    ]
    assert [s["name"] for s in wanted_services(["llm"], ["gemini"])] == ["llm", "gemini"]
    assert len(wanted_services([], [])) == 4
