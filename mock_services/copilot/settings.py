"""What copilot is told by its environment, as a real app is: every field is the variable `COPILOT_<FIELD>`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any
from urllib.parse import urlsplit

import orjson

from mock_services.copilot.weakness import Weakness, parse_weaknesses, weaknesses_from

PREFIX = "COPILOT_"


class SettingsError(ValueError):
    """The environment is wrong. Each line names a variable and says what it must be."""


@dataclass(frozen=True)
class Settings:
    """Addresses, budgets (seconds), limits and weaknesses. An upstream without an address is a feature that is off."""

    primary_url: str
    fallback_url: str = ""
    vector_url: str = ""
    tools_url: str = ""
    primary_key: str = "copilot-primary"
    fallback_key: str = "copilot-fallback"
    primary_model: str = "gpt-main"
    fallback_model: str = "gpt-small"
    embedding_model: str = "text-embedding-3-small"
    embedding_dimensions: int = 256
    collection: str = "docs"
    tools_protocol: str = "http"
    """`http` (a JSON call a tool) or `mcp` (streamable HTTP, at `/mcp`)."""
    top_k: int = 4

    budget_s: float = 30.0
    """From the request's arrival to its last byte."""
    first_token_s: float = 3.0
    """How long one model may take to its first content; never more than half of what is left of the budget."""
    stream_idle_s: float = 8.0
    token_pace_s: float = 0.1
    """Between two tokens in the mean; a model that streams more slowly, as nobody reads, counts as failing."""
    embed_s: float = 1.5
    vector_s: float = 1.0
    tool_s: float = 1.5

    concurrency: int = 512
    queue: int = 128
    queue_wait_s: float = 2.0
    tenant_places: int = 0
    """Requests that one tenant (header `x-tenant`) may have at work and waiting; 0 is no limit."""

    tool_share: float = 0.25
    """The share of prompts that call a tool; which ones is a hash of the prompt and the seed."""
    cache_entries: int = 2048
    cache_s: float = 600.0
    seed: int = 0
    weakness: Mapping[Weakness, float] = field(default_factory=dict)

    def has(self, weakness: Weakness) -> bool:
        return weakness in self.weakness

    def to_json(self) -> dict[str, Any]:
        """Everything but the keys."""
        told = {name: value for name, value in asdict(self).items() if not name.endswith("_key")}
        return {**told, "weakness": {str(name): degree for name, degree in self.weakness.items()}}


_OWN_VARIABLES = frozenset(PREFIX + f.name.upper() for f in fields(Settings))
_COUNTS = {"embedding_dimensions", "top_k", "concurrency"}
_URLS = {"primary_url", "fallback_url", "vector_url", "tools_url"}
_FIXED = _URLS | {"primary_key", "fallback_key", "cache_entries", "cache_s", "seed", "tools_protocol"}
"""What is read once, at the start."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings an environment asks for. Raises SettingsError with all that is wrong with it."""
    problems = [
        f"{name}: no such variable; there are {', '.join(sorted(_OWN_VARIABLES))}"
        for name in environ
        if name.startswith(PREFIX) and name not in _OWN_VARIABLES
    ]
    values: dict[str, object] = {}
    for item in fields(Settings):
        text = environ.get(PREFIX + item.name.upper(), "").strip()
        if not text:
            continue
        try:
            values[item.name] = _parse(item.name, str(item.type), text)
        except ValueError as error:
            problems.append(f"{PREFIX}{item.name.upper()}: {error}")
    if "primary_url" not in values and not any(p.startswith(f"{PREFIX}PRIMARY_URL:") for p in problems):
        problems.append(f"{PREFIX}PRIMARY_URL: missing; it is the base URL of an OpenAI-compatible provider")
    if problems:
        raise SettingsError("\n".join(problems))
    return Settings(**values)  # type: ignore[arg-type]


def change_settings(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """The same settings but for `changes`, as JSON gives them. Raises SettingsError with all that is wrong.

    Weaknesses are switched one by one: `{"weakness": {"no_breaker": true, "cut_stream": false}}` leaves the others.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    kinds = {item.name: str(item.type) for item in fields(Settings)}
    for name, value in changes.items():
        if name not in kinds or name in _FIXED:
            problems.append(f"{name}: cannot be changed; there are {', '.join(sorted(kinds.keys() - _FIXED))}")
            continue
        try:
            if name == "weakness" and isinstance(value, Mapping):
                kept = {key: degree for key, degree in settings.weakness.items() if str(key) not in value}
                values[name] = kept | weaknesses_from(value)
            else:
                text = value if isinstance(value, str) else orjson.dumps(value).decode()
                values[name] = _parse(name, kinds[name], text)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise SettingsError("; ".join(problems))
    return replace(settings, **values)


def _parse(name: str, kind: str, text: str) -> object:
    if name == "weakness":
        return parse_weaknesses(text)
    if name in _URLS:
        return _base_url(text)
    if name == "tools_protocol" and text not in ("http", "mcp"):
        raise ValueError(f"must be http or mcp: {text!r}")
    if kind == "int":
        return _whole(text, least=1 if name in _COUNTS else 0)
    if kind == "float":
        return _number(name, text)
    return text


def _base_url(text: str) -> str:
    """`http://host:port`, without the `/v1` that OpenAI's own base URL carries and without a trailing slash."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"not an http URL: {text!r}")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("a base URL has no user, query or fragment")
    return text.rstrip("/").removesuffix("/v1").rstrip("/")


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise ValueError(f"not a whole number: {text!r}") from None
    if value < least:
        raise ValueError(f"must be at least {least}: {text!r}")
    return value


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"not a number: {text!r}") from None
    if not math.isfinite(value) or value < 0 or (value == 0 and name.endswith("_s")):
        raise ValueError(f"must be a positive number: {text!r}")
    if name == "tool_share" and value > 1:
        raise ValueError(f"a share is between 0 and 1: {text!r}")
    return value
