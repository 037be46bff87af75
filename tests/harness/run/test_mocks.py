from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import respx

from harness.errors import RefusedError, UsageError
from harness.run.mocks import MockFleet, running_mocks, serve_mocks

ADMIN = "http://127.0.0.1:1"


@pytest.fixture
def fleet(tmp_path: Path) -> MockFleet:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    client = httpx.Client(base_url=ADMIN)
    return MockFleet(child=child, admin=client, admin_url=ADMIN, token="s3cret", urls={}, folder=tmp_path)


@respx.mock
def test_counts_and_the_whole_log_are_kept(fleet: MockFleet) -> None:
    respx.get(f"{ADMIN}/counts").respond(json={"llm": {"requests": 3}})
    settings = [("tools", {"servers": 8}), ("llm", {"inference": {"replicas": 2, "max_batch": 16}}), ("program", None)]
    services = [{"name": name, "settings": values} for name, values in settings]
    respx.get(f"{ADMIN}/services").respond(json={"services": services})
    pages = respx.get(f"{ADMIN}/log")
    pages.side_effect = [
        httpx.Response(200, json={"log": [{"index": 1}, {"index": 2}], "next_after": 2}),
        httpx.Response(200, json={"log": [{"index": 3}], "next_after": 3}),
        httpx.Response(200, json={"log": [], "next_after": 3}),
    ]
    assert fleet.keep_evidence() == {"llm": {"requests": 3}}
    assert json.loads((fleet.folder / "places.json").read_text()) == {"tools": 8, "llm": 32}
    kept = [json.loads(line) for line in (fleet.folder / "log.jsonl").read_text().splitlines()]
    assert [entry["index"] for entry in kept] == [1, 2, 3]
    assert [call.request.url.params["after"] for call in pages.calls] == ["0", "2", "3"]


@respx.mock
def test_dead_mocks_leave_no_counts(fleet: MockFleet) -> None:
    respx.get(f"{ADMIN}/counts").mock(side_effect=httpx.ConnectError("gone"))
    respx.get(f"{ADMIN}/log").mock(side_effect=httpx.ConnectError("gone"))
    respx.get(f"{ADMIN}/services").mock(side_effect=httpx.ConnectError("gone"))
    assert fleet.keep_evidence() == {}
    assert (fleet.folder / "log.jsonl").read_bytes() == b""
    assert not fleet.alive


def test_mocks_that_cannot_start_are_refused_with_their_own_words(tmp_path: Path) -> None:
    config = {"run_id": "r", "seed": 0, "services": [{"name": "x", "mock": "no-such-mock", "port": 0}]}
    with pytest.raises(RefusedError, match="no-such-mock"), running_mocks(config, tmp_path):
        raise AssertionError("it came up")


def test_an_unknown_standard_mock_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no mock 'vektor'"):
        serve_mocks(["vektor"], tmp_path, free_ports=True, ready=print)


def test_the_token_is_not_shown(fleet: MockFleet) -> None:
    assert "s3cret" not in repr(fleet)


@respx.mock
def test_the_targets_own_count_of_the_run_is_kept(fleet: MockFleet) -> None:
    target = replace(fleet, urls={"copilot": "http://127.0.0.1:2"})
    respx.get(f"{ADMIN}/counts").respond(json={"llm": {"requests": 3}})
    respx.get(f"{ADMIN}/log").respond(json={"log": [], "next_after": 0})
    respx.get(f"{ADMIN}/services").respond(json={"services": []})
    counts = respx.get("http://127.0.0.1:2/counts")
    counts.respond(json={"requests": 9, "by_run": {"r1": {"requests": 7}}})
    target.keep_evidence("r1", "copilot")
    assert json.loads((fleet.folder / "target.json").read_text()) == {"requests": 7}
    (fleet.folder / "target.json").unlink()
    counts.mock(side_effect=httpx.ConnectError("gone"))
    target.keep_evidence("r1", "copilot")
    assert not (fleet.folder / "target.json").exists(), "a dead target says nothing, and nothing is made up"
