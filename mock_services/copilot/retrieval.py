"""What the model is told beside the question: passages from the vector database, and the result of one tool call."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any

from mock_services.copilot.budget import Budget
from mock_services.copilot.mcp import McpTools
from mock_services.copilot.settings import Settings
from mock_services.copilot.upstream import Headers, Upstream, UpstreamError
from mock_services.copilot.weakness import Weakness

_PASSAGE_CHARACTERS = 600
_RESULT_CHARACTERS = 1200
_TOOL_WORDS = (
    ("order_status", re.compile(r"\b(order|parcel|delivery|shipment)\b", re.IGNORECASE)),
    ("weather", re.compile(r"\b(weather|rain|temperature|forecast)\b", re.IGNORECASE)),
    ("calculator", re.compile(r"\b(calculate|sum|plus|minus|times|percent)\b", re.IGNORECASE)),
)
TOOLS = ("order_status", "weather", "calculator", "search")


async def find_passages(
    question: str, embeddings: Upstream, vector: Upstream, *, settings: Settings, budget: Budget, headers: Headers
) -> list[str]:
    """The passages nearest to the question, best first. Raises UpstreamError when either step fails or is late."""
    asked = {
        "model": settings.embedding_model,
        "input": question,
        "dimensions": settings.embedding_dimensions,
        "encoding_format": "float",
    }
    embedded = await embeddings.ask("/v1/embeddings", asked, headers, budget.slice_s(settings.embed_s, share=0.25))
    try:
        embedding = embedded["data"][0]["embedding"]
    except (KeyError, IndexError, TypeError):
        raise UpstreamError(embeddings.name, "malformed", 200) from None
    query = {"query": embedding, "limit": settings.top_k, "with_payload": True}
    path = f"/collections/{settings.collection}/points/query"
    found = await vector.ask(path, query, headers, budget.slice_s(settings.vector_s, share=0.25))
    try:
        return [str(point["payload"]["text"])[:_PASSAGE_CHARACTERS] for point in found["result"]["points"]]
    except (KeyError, TypeError):
        raise UpstreamError(vector.name, "malformed", 200) from None


def choose_tool(question: str, tool_choice: object, settings: Settings) -> str | None:
    """Which tool a question calls, if any: the one the body asks for, else a seeded share of all questions call one.

    `tool_choice` is the OpenAI parameter: `"none"`, `"auto"`, `"required"` or
    `{"type": "function", "function": {"name": ...}}`. Raises ValueError on any other, and on a name that is no tool.
    """
    if isinstance(tool_choice, Mapping):
        function = tool_choice.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        if name not in TOOLS:
            raise ValueError(f"tool_choice names no tool of this assistant; there are {', '.join(TOOLS)}")
        return str(name)
    if tool_choice not in {None, "none", "auto", "required"}:
        raise ValueError("tool_choice must be none, auto, required or a function")
    mark = zlib.crc32(question.encode("utf-8", "surrogatepass"), settings.seed & 0xFFFFFFFF)
    is_wanted = tool_choice == "required" or mark < settings.tool_share * 2**32
    if tool_choice == "none" or not is_wanted:
        return None
    for name, words in _TOOL_WORDS:
        if words.search(question):
            return name
    return TOOLS[mark % len(TOOLS)]


async def call_tool(
    name: str,
    question: str,
    tools: Upstream,
    *,
    settings: Settings,
    budget: Budget,
    headers: Headers,
    mcp: McpTools | None = None,
) -> str:
    """The tool's result as text for the model. Raises UpstreamError."""
    within_s = budget.slice_s(settings.tool_s, share=0.25)
    arguments = tool_arguments(name, question)
    if mcp is not None:
        is_stale = settings.has(Weakness.STALE_SESSION)
        text = await mcp.call(name, arguments, headers, within_s, is_stale=is_stale)
        return f"{name}: {text}"[:_RESULT_CHARACTERS]
    answer = await tools.ask(f"/tools/{name}", arguments, headers, within_s)
    if not isinstance(answer, Mapping) or "result" not in answer:
        raise UpstreamError(tools.name, "malformed", 200)
    return f"{name}: {answer['result']}"[:_RESULT_CHARACTERS]


def tool_arguments(name: str, question: str) -> dict[str, Any]:
    """The arguments a tool is called with, taken from the question as far as it holds them."""
    numbers = re.findall(r"\d+", question)
    if name == "order_status":
        return {"order_id": numbers[0][:12] if numbers else "1001"}
    if name == "weather":
        return {"city": next(iter(re.findall(r"\bin ([A-Z][a-z]+)", question)), "Berlin")}
    if name == "calculator":
        return {"expression": " + ".join(str(int(n[:9])) for n in numbers[:4]) or "1 + 1"}
    return {"query": question[:200], "limit": 3}
