"""A server of one's own, as vLLM speaks: no quota, no headers, a queue; 503 where it is bounded; `/metrics`."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from mock_services.llm.dialect import Scope
from mock_services.llm.openai import OpenAI
from mock_services.llm.openai_request import BadRequest
from mock_services.llm.provider import Call, organization_of
from mock_services.server import Answer, Request, Response, json_response


class Vllm(OpenAI):
    """Any key or none. Without `inference.queue_limit` it never refuses: the growing TTFT is the only sign."""

    def identify(self, request: Request) -> dict[str, str]:
        key = request.header("authorization").partition(" ")[2].strip()
        if self.settings.api_keys and key not in self.settings.api_keys:
            raise BadRequest(401, "Unauthorized")
        return {"key": key, "org": organization_of(key), "region": self.settings.region}

    def route(self, request: Request, scope: dict[str, str]) -> Answer | Awaitable[Answer]:
        if request.method in ("GET", "HEAD"):
            if request.path in ("/health", "/ping"):
                return Response(200)
            if request.path == "/version":
                return json_response(200, {"version": "0.11.0-mock"})
            if request.path == "/metrics":
                return self._metrics()
        return super().route(request, scope)

    def headers(self, scope: dict[str, str], number: int) -> list[tuple[str, str]]:
        return [("server", "uvicorn")]

    def chat_extra(self, call: Call) -> dict[str, Any]:
        return {}

    def _metrics(self) -> Response:
        """The gauges that autoscalers and dashboards of vLLM read, by vLLM's names."""
        batching = self.provider.batching
        model = (self.settings.models or ("gpt-main",))[0].replace("\\", "\\\\").replace('"', '\\"')
        lines = []
        for name, value, text in (
            ("num_requests_running", batching.running, "Number of requests in model execution batches."),
            ("num_requests_waiting", batching.waiting, "Number of requests waiting to be processed."),
            ("kv_cache_usage_perc", batching.kv_usage, "KV-cache usage. 1 means 100 percent usage."),
        ):
            lines += [f"# HELP vllm:{name} {text}", f"# TYPE vllm:{name} gauge"]
            lines.append(f'vllm:{name}{{engine="0",model_name="{model}"}} {value:g}')
        lines += [
            "# HELP vllm:num_preemptions Cumulative number of preemptions.",
            "# TYPE vllm:num_preemptions counter",
        ]
        lines.append(f'vllm:num_preemptions_total{{engine="0",model_name="{model}"}} {batching.preemptions}')
        return Response(
            200, ("\n".join(lines) + "\n").encode(), content_type="text/plain; version=0.0.4; charset=utf-8"
        )

    def overloaded(self, request: Request, scope: Scope) -> Response:
        return self.error(request, 503, "The request queue is full (QueueOverflowError); please retry later.")

    def error(self, request: Request, status: int, message: str) -> Response:
        words = message or "EngineCore encountered an issue."
        kind = {400: "BadRequestError", 401: "Unauthorized", 404: "NotFoundError", 503: "ServiceUnavailableError"}
        error = {"message": words, "type": kind.get(status, "InternalServerError"), "param": None, "code": status}
        return self.answer_json(status, {"error": error}, {})

    def refused(self, bad: BadRequest, scope: dict[str, str]) -> Response:
        kinds = {401: "Unauthorized", 404: "NotFoundError"}
        error = {
            "message": bad.message,
            "type": kinds.get(bad.status, "BadRequestError"),
            "param": bad.param,
            "code": bad.status,
        }
        return self.answer_json(bad.status, {"error": error}, scope)
