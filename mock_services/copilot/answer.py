"""How copilot answers: retrieve, call a tool, ask the model; and where one of them fails, the next best, marked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import orjson

from mock_services.copilot.breaker import Breaker, BreakerRules
from mock_services.copilot.budget import Budget
from mock_services.copilot.cache import AnswerCache, CachedAnswer
from mock_services.copilot.mcp import McpTools
from mock_services.copilot.model import ModelStream, StreamLimits, open_stream
from mock_services.copilot.question import Question
from mock_services.copilot.retrieval import call_tool, find_passages
from mock_services.copilot.settings import Settings, change_settings
from mock_services.copilot.upstream import RejectedError, Upstream, UpstreamError
from mock_services.copilot.weakness import Weakness

SYSTEM_PROMPT = (
    "You are a support copilot. Answer from the passages and tool results given, and say so when they do not help."
)
FALLBACK_MODEL, NO_RETRIEVAL, NO_TOOLS, CACHED = "fallback-model", "no-retrieval", "no-tools", "cached-answer"


class NothingLeftError(Exception):
    """No model could be reached and no cached answer fits. `retry_after_s` is when a model may be called again."""

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass
class Answer:
    """An answer that has begun: a model's stream with its first content in hand, or one from the cache."""

    served_by: str
    degraded: list[str]
    stream: ModelStream | None = None
    cached: CachedAnswer | None = None


@dataclass
class Context:
    passages: list[str] = field(default_factory=list)
    tool_result: str = ""
    degraded: list[str] = field(default_factory=list)


class Copilot:
    """The chain and its upstreams. One for the whole process; each request brings its question and its budget."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient, clock: Callable[[], float]) -> None:
        self._asked = settings
        self.settings = settings = _in_force(settings)
        self.clock = clock
        self.cache = AnswerCache(settings.cache_entries, settings.cache_s, clock)
        self.upstreams: dict[str, Upstream] = {}
        keys = {"primary": settings.primary_key, "embeddings": settings.primary_key, "fallback": settings.fallback_key}
        urls = {
            "primary": settings.primary_url,
            "embeddings": settings.primary_url if settings.vector_url else "",
            "fallback": settings.fallback_url,
            "vector": settings.vector_url,
            "tools": settings.tools_url,
        }
        for name, url in urls.items():
            if url:
                headers = {"authorization": f"Bearer {keys[name]}"} if name in keys else {}
                breaker = Breaker(_breaker_rules(name, settings))
                self.upstreams[name] = Upstream(name, url, client, breaker, clock=clock, headers=headers)
        speaks_mcp = settings.tools_protocol == "mcp" and "tools" in self.upstreams
        self._mcp = McpTools(self.upstreams["tools"]) if speaks_mcp else None

    def change(self, changes: Mapping[str, Any]) -> Settings:
        """New settings for every question from now on; breakers keep their state. Raises SettingsError."""
        self._asked = change_settings(self._asked, changes)
        self.settings = _in_force(self._asked)
        for name, upstream in self.upstreams.items():
            upstream.breaker.rules = _breaker_rules(name, self.settings)
        return self._asked

    @property
    def models(self) -> list[str]:
        """Names of the upstreams that are models, best first."""
        names = ("primary",) if self.settings.has(Weakness.NO_FALLBACK) else ("primary", "fallback")
        return [name for name in names if name in self.upstreams]

    def budget(self) -> Budget:
        return Budget(self.settings.budget_s, self.clock)

    async def gather(self, question: Question, budget: Budget) -> Context:
        """Retrieval and the tool call, side by side; what fails is left out and said in `degraded`."""
        context = Context()
        wants_tool = question.tool is not None and "tools" in self.upstreams
        if not wants_tool:
            await self._retrieve(question, budget, context)
        elif "vector" not in self.upstreams:
            await self._use_tool(question, budget, context)
        else:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._retrieve(question, budget, context))
                both.create_task(self._use_tool(question, budget, context))
        context.degraded.sort()
        return context

    async def begin(self, question: Question, context: Context, budget: Budget, broken: Collection[str] = ()) -> Answer:
        """The best answer there is, begun; not from the models in `broken`, which have failed this question already.

        Raises RejectedError (the request is wrong) or NothingLeftError.
        """
        if context.degraded and self.settings.has(Weakness.NEEDS_CONTEXT):
            raise NothingLeftError(", ".join(context.degraded), self._retry_after_s())
        reasons: list[str] = []
        for name in self.models:
            upstream = self.upstreams[name]
            if name in broken or budget.is_spent:
                continue
            try:
                stream = await self._ask_model(upstream, question, context, budget)
            except RejectedError:
                raise
            except UpstreamError as error:
                reasons.append(str(error))
                continue
            degraded = ([FALLBACK_MODEL] if name == "fallback" else []) + context.degraded
            return Answer(name, degraded, stream=stream)
        cached = self.cache.get(question.key)
        if cached is not None:
            return Answer("cache", [CACHED], cached=cached)
        raise NothingLeftError("; ".join(reasons) or "the time budget is spent", self._retry_after_s())

    def keep(self, question: Question, stream: ModelStream) -> None:
        """Remembers a whole answer for when there is no other."""
        if stream.finish_reason == "stop":
            self.cache.put(question.key, stream.text, stream.model)

    async def _ask_model(self, upstream: Upstream, question: Question, context: Context, budget: Budget) -> ModelStream:
        settings = self.settings
        model = settings.primary_model if upstream.name == "primary" else settings.fallback_model
        body = question.for_model(model, SYSTEM_PROMPT, context.passages, context.tool_result)
        first_token_s = budget.slice_s(settings.first_token_s, share=0.5)
        idle_s = budget.slice_s(settings.stream_idle_s)
        attempts = int(settings.weakness.get(Weakness.RETRY_STORM, 1))
        limits = StreamLimits(first_token_s, idle_s, budget.deadline_s, settings.token_pace_s)
        return await open_stream(upstream, orjson.dumps(body), question.headers, limits, attempts)

    async def _retrieve(self, question: Question, budget: Budget, context: Context) -> None:
        vector = self.upstreams.get("vector")
        if vector is None:
            return
        try:
            embeddings = self.upstreams["embeddings"]
            context.passages = await find_passages(
                question.text, embeddings, vector, settings=self.settings, budget=budget, headers=question.headers
            )
        except UpstreamError:
            context.passages = []
        if not context.passages:  # nothing found is nothing to answer from, whoever is to blame
            context.degraded.append(NO_RETRIEVAL)

    async def _use_tool(self, question: Question, budget: Budget, context: Context) -> None:
        assert question.tool is not None
        try:
            context.tool_result = await call_tool(
                question.tool,
                question.text,
                self.upstreams["tools"],
                settings=self.settings,
                budget=budget,
                headers=question.headers,
                mcp=self._mcp,
            )
        except UpstreamError:
            context.degraded.append(NO_TOOLS)

    def _retry_after_s(self) -> float:
        return max(1.0, min(self.upstreams[name].wait_s() for name in self.models))


def _breaker_rules(name: str, settings: Settings) -> BreakerRules:
    """Short calls are many at once: a hiccup of the machine fails a handful of them together, and is no outage."""
    limits = {"embeddings": settings.embed_s, "vector": settings.vector_s, "tools": settings.tool_s}
    return BreakerRules(
        slow_call_s=0.75 * limits.get(name, settings.first_token_s),
        failures_in_a_row=10 if name in limits else 5,
        enabled=not settings.has(Weakness.NO_BREAKER),
        honour_hints=not settings.has(Weakness.IGNORE_RETRY_AFTER),
    )


def _in_force(settings: Settings) -> Settings:
    """As they were asked for, but without any timeout where that is the weakness."""
    if not settings.has(Weakness.NO_TIMEOUT):
        return settings
    never: dict[str, Any] = dict.fromkeys(
        ("budget_s", "first_token_s", "stream_idle_s", "token_pace_s", "embed_s", "vector_s", "tool_s"), float("inf")
    )
    return replace(settings, **never)
