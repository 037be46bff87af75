"""What a journey may yield: requests to AI services by their usual names, plain HTTP, and a pause.

    @journey(weight=8)
    def ask(arrival):
        hits = yield search(vector=arrival.embedding, collection="docs")
        answer = yield chat(prompt=arrival.prompt, context=hits)

A step that does not succeed raises `StepFailed` inside the journey; left alone it ends the arrival with that step's
outcome. With `required=False` the journey goes on and looks at the `Answer` itself; the arrival is then degraded at
best.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from harness.engine.exchange import Exchange
from harness.engine.journeys.arrival import Arrival
from harness.results import Outcome

_CHAT, _EMBED = "/v1/chat/completions", "/v1/embeddings"
_JSON: Mapping[str, str] = {"content-type": "application/json"}


class Ask:
    """One request as a journey asks for it. `Routes` makes what goes out."""

    __slots__ = ("body", "dialect", "expect", "method", "name", "path", "required", "said", "stream", "usual")

    def __init__(  # noqa: PLR0917 -- one for every arrival: by keyword it costs half as much again
        self,
        name: str,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | None,
        dialect: str,
        stream: bool = False,
        expect: str = "",
        required: bool = True,
        usual: bool = False,
    ) -> None:
        self.name = name
        """Of the step."""
        self.method = method
        self.path = path
        self.body = body
        self.said = headers
        self.dialect = dialect
        self.stream = stream
        self.expect = expect
        """What must come back in the answer."""
        self.required = required
        self.usual = usual
        """The path is the service's own, not the journey's: where the target URL ends with its first part (`/v1`), that
        is said once."""


@dataclass(frozen=True, slots=True)
class Think:
    seconds: float


class Answer:
    """What came of a step, as the journey sees it."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def ok(self) -> bool:
        return self._exchange.outcome.is_success

    @property
    def outcome(self) -> Outcome:
        return self._exchange.outcome

    @property
    def status(self) -> int:
        """The HTTP status; 0 when none came."""
        return self._exchange.status

    @property
    def body(self) -> bytes:
        return self._exchange.body

    @property
    def text(self) -> str:
        return self._exchange.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON; raises ValueError when it is not."""
        return orjson.loads(self._exchange.body)


class StepFailed(Exception):  # noqa: N818 -- it reads as what happened: `except StepFailed as failed`
    """A required step did not succeed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.outcome.label} (HTTP {answer.status})" if answer.status else answer.outcome.label)
        self.answer = answer


Steps = Generator["Ask | Think", Answer, None]
Journey = Callable[[Arrival], Steps]
_AnyJourney = TypeVar("_AnyJourney", bound=Callable[..., Any])


def journey(weight: float = 1.0, name: str = "") -> Callable[[_AnyJourney], _AnyJourney]:
    """Marks a generator function as a journey of its module, with its share of the arrivals. It registers nothing: the
    engine finds the marked functions when it loads the file."""
    if weight <= 0:
        raise ValueError(f"a journey's weight is above 0, not {weight}")

    def mark(function: _AnyJourney) -> _AnyJourney:
        function.peakproof_journey = (name or function.__name__, float(weight))  # type: ignore[attr-defined]
        return function

    return mark


def think(seconds: float) -> Think:
    """The user reads or types for so long; no request is open."""
    if not 0 <= seconds < 86_400:
        raise ValueError(f"not a time to think: {seconds} s")
    return Think(seconds)


def http(
    method: str,
    path: str,
    *,
    json: Any = None,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    name: str = "http",
    expect: str = "",
    required: bool = True,
) -> Ask:
    """A plain request. `json` is sent as JSON; `expect` must come back in the answer."""
    if json is not None:
        body, headers = orjson.dumps(json), {**_JSON, **headers} if headers else _JSON
    return Ask(name, method, path, body, headers, "bytes", False, expect, required)


def chat(
    prompt: str = "",
    *,
    model: str = "default",
    messages: Sequence[Mapping[str, Any]] = (),
    context: Answer | str = "",
    max_tokens: int = 0,
    stream: bool = True,
    path: str = "",
    headers: Mapping[str, str] | None = None,
    name: str = "chat",
    expect: str = "",
    required: bool = True,
    **body: Any,
) -> Ask:
    """A chat completion in the OpenAI dialect, streamed unless told otherwise. `context` (text, or an earlier answer)
    goes before the prompt as a system message; further keywords go into the body as they are."""
    said = list(messages)
    if context:
        text = context.text if isinstance(context, Answer) else context
        said.insert(0, {"role": "system", "content": "Use this context:\n" + text})
    if prompt:
        said.append({"role": "user", "content": prompt})
    body = {"model": model, "messages": said, **body}
    if max_tokens:
        body["max_tokens"] = max_tokens
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return _post(name, path, _CHAT, body, headers, "openai", stream, expect, required)


def embed(
    text: str | Sequence[str],
    *,
    model: str = "default",
    path: str = "",
    headers: Mapping[str, str] | None = None,
    name: str = "embed",
    required: bool = True,
) -> Ask:
    """An embedding in the OpenAI dialect."""
    return _post(name, path, _EMBED, {"model": model, "input": text}, headers, "json", required=required)


def search(
    vector: Sequence[float],
    *,
    collection: str = "docs",
    top_k: int = 5,
    path: str = "",
    headers: Mapping[str, str] | None = None,
    name: str = "search",
    required: bool = True,
) -> Ask:
    """A vector search in the Qdrant dialect."""
    body = {"query": vector, "limit": top_k, "with_payload": True}
    return _post(name, path, f"/collections/{collection}/points/query", body, headers, "json", required=required)


def call_tool(
    tool: str,
    arguments: Any = None,
    *,
    path: str = "",
    headers: Mapping[str, str] | None = None,
    name: str = "tool",
    required: bool = True,
) -> Ask:
    """A JSON call to `/tools/<tool>`."""
    return _post(name, path, f"/tools/{tool}", arguments or {}, headers, "json", required=required)


def _post(  # noqa: PLR0917 -- the same
    name: str,
    path: str,
    usual: str,
    body: Any,
    headers: Mapping[str, str] | None,
    dialect: str,
    stream: bool = False,
    expect: str = "",
    required: bool = True,
) -> Ask:
    said = {**_JSON, **headers} if headers else _JSON
    payload = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    return Ask(name, "POST", path or usual, payload, said, dialect, stream, expect, required, usual=not path)
