"""The environment variables that point each SDK at the mocks: an unmodified app needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

KEY = "peakproof-mock"
"""Any key is accepted unless a service lists `api_keys`."""

VARIABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "openai": (("OPENAI_BASE_URL", "{url}/v1"), ("OPENAI_API_KEY", KEY)),
    "vllm": (("OPENAI_BASE_URL", "{url}/v1"), ("OPENAI_API_KEY", KEY)),
    "azure": (
        ("AZURE_OPENAI_ENDPOINT", "{url}"),
        ("AZURE_OPENAI_API_KEY", KEY),
        ("OPENAI_API_VERSION", "2024-10-21"),
    ),
    "anthropic": (("ANTHROPIC_BASE_URL", "{url}"), ("ANTHROPIC_API_KEY", KEY)),
    "gemini": (("GOOGLE_GEMINI_BASE_URL", "{url}"), ("GEMINI_API_KEY", KEY)),
    "vertex": (
        ("GOOGLE_VERTEX_BASE_URL", "{url}"),
        ("GOOGLE_GENAI_USE_VERTEXAI", "true"),
        ("GOOGLE_CLOUD_PROJECT", "mock"),
        ("GOOGLE_CLOUD_LOCATION", "us-central1"),
    ),
    "groq": (("GROQ_BASE_URL", "{url}"), ("GROQ_API_KEY", KEY)),
    "qdrant": (("QDRANT_URL", "{url}"),),
    "chroma": (("CHROMA_HOST", "{host}"), ("CHROMA_PORT", "{port}")),
    "pinecone": (("PINECONE_HOST", "{url}"), ("PINECONE_API_KEY", KEY)),
    "tools": (("TOOLS_URL", "{url}"),),
    "github": (("GITHUB_API_URL", "{url}"), ("GITHUB_TOKEN", KEY)),
    "slack": (("SLACK_API_URL", "{url}/api/"), ("SLACK_BOT_TOKEN", KEY)),
    "stripe": (("STRIPE_API_BASE", "{url}"), ("STRIPE_API_KEY", KEY)),
    "search": (("SEARCH_URL", "{url}"), ("SEARCH_API_KEY", KEY)),
    "mcp": (("MCP_SERVER_URL", "{url}/mcp"),),
    "copilot": (("COPILOT_URL", "{url}"),),
}


@dataclass(frozen=True)
class Variable:
    """`name=value` for one service; `second` where another service already has the SDK's own name."""

    service: str
    name: str
    value: str
    second: bool = False


def variables_of(services: Iterable[tuple[str, str, str]]) -> list[Variable]:
    """`services` are (name, mock, url), in the config's order. The first of a kind gets the names that the SDK reads;
    each further one the same names with its own name behind, for the app to pick from."""
    found: list[Variable] = []
    taken: set[str] = set()
    for service, mock, url in services:
        host, _, port = url.removeprefix("http://").rpartition(":")
        templates = VARIABLES.get(mock, ((f"{_upper(mock)}_URL", "{url}"),))
        second = any(name in taken for name, _ in templates)
        for name, template in templates:
            value = template.format(url=url, host=host, port=port)
            full = f"{name}_{_upper(service)}" if second else name
            found.append(Variable(service, full, value, second))
            taken.add(name)
    return found


def _upper(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
