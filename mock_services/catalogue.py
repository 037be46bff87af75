"""Every mock by its name in `mocks.json`. A new one is an entry here and a `MockType`."""

from __future__ import annotations

from mock_services.llm.openai import OpenAI
from mock_services.llm.presets import PRESETS
from mock_services.llm.settings import ProviderSettings
from mock_services.plain import PLAIN
from mock_services.service import MockType

MOCKS: dict[str, MockType] = {
    "openai": MockType(ProviderSettings, OpenAI, PRESETS),
    "plain": PLAIN,
}

CHILDREN: dict[str, tuple[str, ...]] = {
    "copilot": ("-m", "mock_services.copilot"),
}
"""Mocks that are whole programs: started with these arguments of Python's, `--port` and `--ready-file`."""
