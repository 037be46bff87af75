from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import respx

from harness.analysis import Bottleneck
from harness.errors import RefusedError
from harness.run.mocks import MockFleet
from harness.run.relief import doubled, relievable, relieve, said

ADMIN = "http://127.0.0.1:1"


@pytest.fixture
def fleet(tmp_path: Path) -> MockFleet:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    client = httpx.Client(base_url=ADMIN)
    return MockFleet(child=child, admin=client, admin_url=ADMIN, token="s3cret", urls={}, folder=tmp_path)


def test_every_limit_that_is_set_is_doubled_and_nothing_else() -> None:
    settings = {"rpm": 600.0, "tpm": None, "latency_ms": 40, "inference": {"replicas": 4, "step_ms": 9.0}}
    changes = doubled(settings)
    assert changes == {"rpm": 1200.0, "inference": {"replicas": 8, "step_ms": 9.0}}
    assert said(changes) == "rpm 1,200, replicas 8"
    assert doubled({"latency_ms": 40}) == {}


@respx.mock
def test_the_admin_api_is_told(fleet: MockFleet) -> None:
    respx.get(f"{ADMIN}/services/llm/primary").respond(json={"settings": {"rps": 50}})
    patch = respx.patch(f"{ADMIN}/services/llm/primary").respond(json={"rps": 100})
    assert relieve(fleet, "llm/primary") == "rps 100"
    assert json.loads(patch.calls.last.request.content) == {"rps": 100}


@respx.mock
@pytest.mark.parametrize("answer", [{"settings": {}}, None])
def test_what_cannot_be_relieved_says_so(fleet: MockFleet, answer: dict[str, object] | None) -> None:
    route = respx.get(f"{ADMIN}/services/copilot")
    if answer is None:
        route.respond(404)
    else:
        route.respond(json=answer)
    with pytest.raises(RefusedError, match="copilot"):
        relieve(fleet, "copilot")


def test_only_mocks_of_the_plan_that_have_settings_are_tried() -> None:
    suspects = tuple(Bottleneck(name, "SUSPECTED", ()) for name in ("harness", "llm", "copilot", "step chat"))
    upstreams = {"llm": _Mock("openai"), "copilot": _Mock("copilot")}
    assert [s.name for s in relievable(suspects, upstreams)] == ["llm"]


class _Mock:
    def __init__(self, mock: str) -> None:
        self.mock = mock
