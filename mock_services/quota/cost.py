"""What a request costs, before it runs (reserved) and after (settled): every provider has its own rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """Tokens of one request. `output` is None before it has run; `max_tokens` is None where the caller gave none."""

    prompt: int
    max_tokens: int | None = None
    output: int | None = None
    cached: int = 0
    """Of the prompt, read from a cache."""
    choices: int = 1


CostRule = Callable[[Usage], dict[str, float]]
"""Usage -> cost by limit name (`tokens`, `input_tokens`, `output_tokens`), to book up to now in all."""


def max_of_estimate(usage: Usage) -> dict[str, float]:
    """OpenAI: "calculated as the maximum of max_tokens and the estimated number of tokens based on the character count"
    of the request (platform docs, rate limits, 2026-10). What the answer really took is not settled."""
    return {"tokens": float(max((usage.max_tokens or 0) * usage.choices, usage.prompt))}


def prompt_plus_max(usage: Usage) -> dict[str, float]:
    """Azure OpenAI, Cerebras: prompt + max_tokens (x best_of), up front, not settled."""
    return {"tokens": float(usage.prompt + (usage.max_tokens or 0) * usage.choices)}


def max_or_16(usage: Usage) -> dict[str, float]:
    """Microsoft's own simulator: max_tokens if set, else 16 (limiters.py)."""
    return {"tokens": float((16 if usage.max_tokens is None else usage.max_tokens) * usage.choices)}


def actual(usage: Usage) -> dict[str, float]:
    """Groq: the prompt at the start (cached tokens free), the output as it comes."""
    return {"tokens": float(usage.prompt - usage.cached + (usage.output or 0))}


def prompt_only(usage: Usage) -> dict[str, float]:
    """Gemini: the prompt's tokens; the answer's do not count against the minute."""
    return {"tokens": float(usage.prompt - usage.cached)}


def input_and_output(usage: Usage) -> dict[str, float]:
    """Anthropic: input less cache reads at the start; output counts only once produced, max_tokens never."""
    return {"input_tokens": float(usage.prompt - usage.cached), "output_tokens": float(usage.output or 0)}


def reserve_then_settle(burndown: float) -> CostRule:
    """Bedrock: input + max_tokens reserved, settled at the end to input + burndown x output."""

    def rule(usage: Usage) -> dict[str, float]:
        fresh = usage.prompt - usage.cached
        output = (usage.max_tokens or 0) if usage.output is None else burndown * usage.output
        return {"tokens": float(fresh + output)}

    return rule


COST_RULES: dict[str, CostRule] = {
    "max_of_estimate": max_of_estimate,
    "prompt_plus_max": prompt_plus_max,
    "max_or_16": max_or_16,
    "actual": actual,
    "prompt_only": prompt_only,
    "input_and_output": input_and_output,
    "reserve_then_settle": reserve_then_settle(1.0),
    "reserve_then_settle_x5": reserve_then_settle(5.0),
}
