from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from harness.config.plan import Journey, Plan, Upstream, profile_path


def plan(**fields: Any) -> Plan:
    whole = {
        "target": "http://127.0.0.1:1",
        "arrivals": {"segments": [{"phase": "peak", "hold": "1/s", "for": "1m"}]},
        "slo": {"slos": [{"text": "errors < 1%"}]},
    }
    return Plan.model_validate({**whole, **fields})


@pytest.mark.parametrize(
    "target",
    [
        "ftp://h",
        "http://",
        "http://u:p@h",
        "http://h?q=1",
        "http://h#f",
        "http://h:0",
        "http://h:99999",
        "http://h:x",
        "http://[::1",
    ],
)
def test_a_target_that_is_no_base_url(target: str) -> None:
    with pytest.raises(ValidationError):
        plan(target=target)


def test_a_target_by_name_has_no_host() -> None:
    one = plan(target="copilot")
    assert (one.target_upstream, one.target_host) == ("copilot", "")


@pytest.mark.parametrize(("said", "share"), [("new", 1.0), ("kept", 0.0), ("30%", 0.3)])
def test_how_users_connect(said: str, share: float) -> None:
    assert plan(connections=said).connections == share
    assert plan().connections is None


@pytest.mark.parametrize("said", [True, 0.3, "some", "130%"])
def test_no_share_of_new_users(said: object) -> None:
    with pytest.raises(ValidationError):
        plan(connections=said)


def test_degraded_signals() -> None:
    one = plan(degraded=["header X-Degraded", "header x-served-by == fallback"])
    assert one.degraded_headers == (("x-degraded", ""), ("x-served-by", "fallback"))
    with pytest.raises(ValidationError, match="not a signal"):
        plan(degraded=["x-degraded"])


def test_a_body_may_be_written_as_yaml() -> None:
    assert Journey.model_validate({"body": {"a": ["{{prompt}}"]}}).body == '{"a": ["{{prompt}}"]}'


def test_an_upstream_as_the_mocks_want_it() -> None:
    upstream = Upstream.model_validate(
        {"mock": "copilot", "upstreams": {"primary": "p"}, "weakness": ["no_breaker"], "settings": {"seed": 3}}
    )
    assert upstream.to_service("c") == {
        "name": "c", "mock": "copilot", "port": 0, "seed": 3, "upstreams": {"primary": "p"},
        "weakness": {"no_breaker": True},
    }  # fmt: skip


def test_a_plan_is_frozen() -> None:
    with pytest.raises(ValidationError):
        plan().smoke = True  # type: ignore[misc]  -- that it cannot be set is what is tested


def test_profiles_by_path_and_by_name(tmp_path: Path) -> None:
    own, builtin = tmp_path / "own", tmp_path / "builtin"
    own.mkdir()
    (own / "mine.py").touch()
    assert profile_path("mine.py", own, builtin) == own / "mine.py"
    assert profile_path("rag", own, builtin) == builtin / "rag.py"
    assert profile_path("loadprofiles/rag.py", own, builtin) == builtin / "rag.py"
    assert profile_path("absent.py", own, builtin) == own / "absent.py"
