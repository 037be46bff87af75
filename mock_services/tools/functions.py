"""What the tools do: small, deterministic, and true to their arguments, so that a wrong answer can be told."""

from __future__ import annotations

import ast
import math
import operator
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST_TEXT = 500
_DEEPEST = 32
_OPERATORS: Mapping[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


class ArgumentError(ValueError):
    """An argument that is missing or wrong; the message names it."""


@dataclass(frozen=True)
class Tool:
    """A tool as it is offered to a model: `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]
    call: Callable[[Mapping[str, Any]], dict[str, Any]]
    """Arguments -> `{"result": text, ...}`. Raises ArgumentError."""


def order_status(arguments: Mapping[str, Any]) -> dict[str, Any]:
    order = _text(arguments, "order_id")
    mark = _mark(order)
    states = ("received", "packed", "shipped", "out for delivery", "delivered", "returned")
    state, days = states[mark % len(states)], mark // 7 % 5 + 1
    return {
        "result": f"Order {order} is {state}; next update within {days} days.",
        "order_id": order,
        "status": state,
        "eta_days": days,
    }


def weather(arguments: Mapping[str, Any]) -> dict[str, Any]:
    city = _text(arguments, "city")
    mark = _mark(city.casefold())
    skies = ("clear", "cloudy", "rain", "snow", "fog", "storm")
    sky, celsius = skies[mark % len(skies)], mark // 11 % 45 - 10
    return {"result": f"{city}: {sky}, {celsius} °C.", "city": city, "sky": sky, "celsius": celsius}


def calculator(arguments: Mapping[str, Any]) -> dict[str, Any]:
    expression = _text(arguments, "expression")
    try:
        value = _evaluate(ast.parse(expression, mode="eval").body)
    except (SyntaxError, ArithmeticError, MemoryError, RecursionError, ValueError) as error:
        raise ArgumentError(f"expression: cannot be calculated: {error}") from None
    if not math.isfinite(value):
        raise ArgumentError("expression: the result is not a finite number")
    return {"result": f"{expression.strip()} = {value:.12g}", "value": value}


def search(arguments: Mapping[str, Any]) -> dict[str, Any]:
    query = _text(arguments, "query")
    limit = arguments.get("limit", 3)
    if type(limit) is not int or not 1 <= limit <= 20:
        raise ArgumentError("limit: must be a whole number from 1 to 20")
    hits = [search_hit(query, rank) for rank in range(limit)]
    return {"result": " ".join(f"[{n}] {hit['snippet']}" for n, hit in enumerate(hits, 1)), "results": hits}


def search_hit(query: str, rank: int) -> dict[str, Any]:
    """The hit of that rank (from 0) for a query: always the same one."""
    mark = _mark(f"{rank}:{query}")
    title = f"{query[:60]} - reference {mark % 1000}"
    return {
        "title": title,
        "url": f"https://docs.example.com/{mark:08x}",
        "snippet": f"Section {mark % 97} covers {query[:120]}.",
        "score": round(0.99 / (1 + 0.2 * rank), 4),
    }


def _object(**properties: tuple[str, str]) -> dict[str, Any]:
    described = {name: {"type": kind, "description": text} for name, (kind, text) in properties.items()}
    required = [name for name in properties if name != "limit"]
    return {"type": "object", "properties": described, "required": required, "additionalProperties": False}


TOOLBOX: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "order_status",
            "Where an order is and when to expect news.",
            _object(order_id=("string", "The order's number.")),
            order_status,
        ),
        Tool("weather", "The weather in a city.", _object(city=("string", "The city's name.")), weather),
        Tool(
            "calculator",
            "Arithmetic: + - * / % and brackets.",
            _object(expression=("string", "For example (2 + 3) * 4.")),
            calculator,
        ),
        Tool(
            "search",
            "Searches the web.",
            _object(query=("string", "What to look for."), limit=("integer", "How many hits, 1 to 20.")),
            search,
        ),
    )
}


def _text(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_TEXT:
        raise ArgumentError(f"{name}: must be text of 1 to {_LONGEST_TEXT} characters")
    return value


def _mark(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _evaluate(node: ast.expr, depth: int = 0) -> float:
    if depth > _DEEPEST:
        raise ValueError("too deeply nested")
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(left, depth + 1), _evaluate(right, depth + 1))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(operand, depth + 1))
    raise ValueError("only numbers, + - * / % and brackets")
