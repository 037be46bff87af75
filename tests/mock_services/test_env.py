from __future__ import annotations

from mock_services.catalogue import CHILDREN, MOCKS
from mock_services.env import VARIABLES, variables_of


def test_every_provider_has_its_sdks_own_variables() -> None:
    assert set(VARIABLES) >= (set(MOCKS) - {"neighbour", "plain", "tcp"}) | set(CHILDREN)
    found = {
        v.name: v.value
        for v in variables_of([("llm", "openai", "http://127.0.0.1:9"), ("c", "anthropic", "http://h:1")])
    }
    assert found["OPENAI_BASE_URL"] == "http://127.0.0.1:9/v1"
    assert found["ANTHROPIC_BASE_URL"] == "http://h:1"


def test_the_second_of_a_kind_has_its_name_behind() -> None:
    services = [
        ("llm/primary", "openai", "http://h:1"),
        ("llm/fallback", "openai", "http://h:2"),
        ("x", "odd", "http://h:3"),
    ]
    found = variables_of(services)
    assert [v.name for v in found] == [
        "OPENAI_BASE_URL",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL_LLM_FALLBACK",
        "OPENAI_API_KEY_LLM_FALLBACK",
        "ODD_URL",
    ]
    assert [v.second for v in found] == [False, False, True, True, False]
