from __future__ import annotations

import pytest

from mock_services.copilot.settings import Settings, SettingsError, read_settings
from mock_services.copilot.weakness import Weakness


def test_the_environment_of_a_real_app() -> None:
    settings = read_settings(
        {
            "COPILOT_PRIMARY_URL": "http://127.0.0.1:9000/v1/",
            "COPILOT_VECTOR_URL": "http://127.0.0.1:6333",
            "COPILOT_BUDGET_S": "12.5",
            "COPILOT_QUEUE": "0",
            "COPILOT_WEAKNESS": "no_fallback",
            "COPILOT_FALLBACK_URL": "",
            "HOME": "/root",
        }
    )
    assert settings.primary_url == "http://127.0.0.1:9000"
    assert (settings.vector_url, settings.fallback_url, settings.tools_url) == ("http://127.0.0.1:6333", "", "")
    assert (settings.budget_s, settings.queue, settings.concurrency) == (12.5, 0, Settings("x").concurrency)
    assert settings.has(Weakness.NO_FALLBACK) and not settings.has(Weakness.NO_BREAKER)


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(
            {
                "COPILOT_VECTOR_URL": "ftp://x",
                "COPILOT_BUDGET_S": "0",
                "COPILOT_CONCURRENCY": "many",
                "COPILOT_TOOL_SHARE": "1.5",
                "COPILOT_WEAKNES": "no_breaker",
            }
        )
    text = str(caught.value)
    for name in ("VECTOR_URL", "BUDGET_S", "CONCURRENCY", "TOOL_SHARE", "WEAKNES: no such", "PRIMARY_URL: missing"):
        assert f"COPILOT_{name}" in text


@pytest.mark.parametrize("url", ["127.0.0.1:80", "http://", "http://u@h/", "http://h/?q=1"])
def test_what_is_no_base_url(url: str) -> None:
    with pytest.raises(SettingsError, match="PRIMARY_URL"):
        read_settings({"COPILOT_PRIMARY_URL": url})
