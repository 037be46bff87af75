"""Every mock by its name in `mocks.json`. A new one is an entry here and a `MockType`."""

from __future__ import annotations

from mock_services.llm.anthropic import Anthropic, AnthropicSettings
from mock_services.llm.azure import Azure, AzureSettings
from mock_services.llm.gemini import Gemini, GeminiSettings
from mock_services.llm.groq import Groq, GroqSettings
from mock_services.llm.openai import OpenAI
from mock_services.llm.presets import PRESETS
from mock_services.llm.settings import ProviderSettings
from mock_services.llm.vllm import Vllm
from mock_services.neighbour import NEIGHBOUR
from mock_services.plain import PLAIN
from mock_services.service import MockType
from mock_services.tcp import TCP
from mock_services.tools import GITHUB, MCP, SEARCH, SLACK, STRIPE, TOOLS
from mock_services.vector import CHROMA, PINECONE, QDRANT

MOCKS: dict[str, MockType] = {
    "openai": MockType(ProviderSettings, OpenAI, PRESETS["openai"]),
    "azure": MockType(AzureSettings, Azure, PRESETS["azure"]),
    "anthropic": MockType(AnthropicSettings, Anthropic, PRESETS["anthropic"]),
    "gemini": MockType(GeminiSettings, Gemini, PRESETS["gemini"]),
    "vertex": MockType(GeminiSettings, Gemini, PRESETS["gemini"]),
    "groq": MockType(GroqSettings, Groq, PRESETS["groq"]),
    "vllm": MockType(ProviderSettings, Vllm, PRESETS["vllm"]),
    "chroma": CHROMA,
    "github": GITHUB,
    "mcp": MCP,
    "neighbour": NEIGHBOUR,
    "pinecone": PINECONE,
    "plain": PLAIN,
    "tcp": TCP,
    "qdrant": QDRANT,
    "search": SEARCH,
    "slack": SLACK,
    "stripe": STRIPE,
    "tools": TOOLS,
}

CHILDREN: dict[str, tuple[str, ...]] = {
    "copilot": ("-m", "mock_services.copilot", "--with-parent"),
}
"""Mocks that are whole programs: started with these arguments of Python's, `--port` and `--ready-file`."""
