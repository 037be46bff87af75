from __future__ import annotations

import json
from typing import Any

import pytest

from mock_services.config import ConfigError, parse_config

LLM = {"name": "llm/primary", "mock": "openai", "preset": "hosted-chat"}
COPILOT = {
    "name": "copilot",
    "mock": "copilot",
    "upstreams": {"primary": "llm/primary"},
    "weakness": {"no_breaker": True},
}


def parse(**fields: Any) -> Any:
    return parse_config(json.dumps(fields).encode())


def test_a_config_with_a_preset_over_which_keys_win() -> None:
    config = parse(run_id="7f3k", seed=42, services=[{**LLM, "tpm": 60_000}, COPILOT])
    (service,) = config.services
    assert (service.settings.tpm, service.settings.rpm) == (60_000, 10_000)
    assert service.settings.inference.replicas == 4
    assert config.host == "127.0.0.1"
    assert config.children[0].options["weakness"] == {"no_breaker": True}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"services": []}, "at least one service"),
        ({"services": [LLM], "sede": 1}, "unknown key 'sede'"),
        ({"services": [LLM], "seed": "x"}, '"seed" must be a whole number'),
        ({"services": [LLM, LLM]}, "is there twice"),
        ({"services": [{**LLM, "mock": "gopher"}]}, "unknown mock 'gopher'"),
        ({"services": [{**LLM, "preset": "warp"}]}, "unknown preset 'warp'"),
        ({"services": [{**LLM, "tmp": 5}]}, "llm/primary: tmp"),
        ({"services": [{**LLM, "tpm": -5}]}, "llm/primary: tpm"),
        ({"services": [{**LLM, "port": 70_000}]}, "port must be 0..65535"),
        ({"services": [{**LLM, "inference": {"step_ms": 0}}]}, "inference.step_ms"),
        ({"services": [COPILOT]}, "upstream 'primary' names 'llm/primary', which is no service"),
        ({"services": [{**COPILOT, "upstreams": ["a"]}]}, "maps roles to names"),
        ({"services": ["llm"]}, "object with a"),
        ({"services": [{"name": "link", "mock": "tcp", "upstream": "db"}]}, "'db' is neither host:port nor a service"),
        ({"services": [{"name": "link", "mock": "tcp", "upstream": "db:x"}]}, "'db:x' is neither"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(**fields)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(services=[{**LLM, "mock": "gopher"}, {"name": "x", "mock": "openai", "tmp": 1}], sede=1)
    assert all(word in str(caught.value) for word in ("gopher", "tmp", "sede"))


def test_no_json_is_said() -> None:
    with pytest.raises(ConfigError, match="not JSON"):
        parse_config(b"{")
