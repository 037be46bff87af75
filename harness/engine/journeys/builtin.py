"""The built-in journeys: one request each, rendered from the plan's own lines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.engine.exchange import Exchange, Request
from harness.engine.job import EngineJob, JourneySpec
from harness.engine.journeys.arrival import Arrival
from harness.engine.journeys.prompts import Prompts
from harness.engine.journeys.template import Template
from harness.engine.share import Share
from harness.engine.transport.wire import render_headers
from harness.errors import Problem, UsageError

KINDS = ("chat", "embed", "search", "tool", "http")
_OPENAI_CHAT = '"messages":[{"role":"user","content":"{{prompt}}"}],"max_tokens":{{max_tokens}}'
_STREAM = ',"stream":true'
_USAGE = ',"stream_options":{"include_usage":true}'


@dataclass(frozen=True)
class _Default:
    path: str
    body: str
    stream_part: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    stream_path: str = ""


_CHATS = {
    "openai": _Default("/v1/chat/completions", '{"model":"MODEL",' + _OPENAI_CHAT, _STREAM + _USAGE),
    "responses": _Default(
        "/v1/responses", '{"model":"MODEL","input":"{{prompt}}","max_output_tokens":{{max_tokens}}', _STREAM
    ),
    "anthropic": _Default(
        "/v1/messages", '{"model":"MODEL",' + _OPENAI_CHAT, _STREAM, (("anthropic-version", "2023-06-01"),)
    ),
    "gemini": _Default(
        "/v1beta/models/MODEL:generateContent",
        '{"contents":[{"role":"user","parts":[{"text":"{{prompt}}"}]}],'
        '"generationConfig":{"maxOutputTokens":{{max_tokens}}}',
        stream_path="/v1beta/models/MODEL:streamGenerateContent?alt=sse",
    ),
}
_OTHERS = {
    "embed": _Default("/v1/embeddings", '{"model":"MODEL","input":"{{prompt}}"'),
    "search": _Default("/collections/docs/points/query", '{"query":{{embedding}},"limit":5,"with_payload":true'),
    "tool": _Default("/tools/search", '{"query":"{{nonce}}"'),
}


class Shot(Exchange):
    """The exchange of a journey that has no other: all that is kept of the arrival while it is in flight."""

    __slots__ = ("index", "share", "spare")

    terse = True

    share: Share
    index: int
    spare: list[Shot]
    """Where it may go when it is over, if nothing of it was touched but what every sending sets."""


class BuiltIn:
    """A journey of one request; `shot` makes it."""

    def __init__(self, spec: JourneySpec, job: EngineJob, step: int, environment: Mapping[str, str]) -> None:
        default = _default(spec)
        body = spec.body or (default.body + (default.stream_part if spec.stream else "") + "}" if default.body else "")
        base = urlsplit(job.target).path.rstrip("/")
        path = spec.path or join(base, (spec.stream and default.stream_path) or default.path)
        model = spec.model or "default"
        self._body = Template(body.replace("MODEL", model) if not spec.body else body)
        self._path = Template(path if spec.path else path.replace("MODEL", model))
        self._method = spec.method.upper().encode()
        headers = dict(default.headers)
        if body:
            headers["content-type"] = "application/json"
        headers = {name: value for name, value in headers.items() if name not in map(str.lower, job.headers)}
        headers |= {name.lower(): value for name, value in spec.headers.items()}
        self._headers = render_headers(headers, environment)  # the job's own are the transport's; these win over them
        self._dialect = _dialect(spec)
        self._stream = spec.stream and self._dialect not in ("json", "bytes")
        self._nonce = spec.expect_nonce
        self._step = step
        fixed = self._path.is_constant and self._body.is_constant and not self._nonce
        self._spare: list[Shot] = []
        self._constant: Request | None = None
        """Where every request is the same but for its number: all of them."""
        if fixed:
            self._constant = self._bare(0, self._path.text, self._body.text)
            self._constant.repeats = True

    def shot(self, prompts: Prompts, share: Share, index: int) -> Shot:
        """The one exchange of arrival `index` of `share`, not yet under way."""
        seq = share.seq[index]
        if self._spare:
            shot = self._spare.pop()
            shot.told = None
        else:
            request = self._constant
            if request is None:
                tokens_in, tokens_out = share.tokens_in[index], share.tokens_out[index]
                request = self.request(Arrival(prompts, seq, tokens_in, tokens_out, share.tenant[index]))
            shot = Shot(request)
            shot.spare = self._spare
        shot.share, shot.index, shot.seq = share, index, seq
        return shot

    def request(self, arrival: Arrival) -> Request:
        path, body = self._path.render(arrival), self._body.render(arrival)
        return self._bare(arrival.seq, path, body, arrival.nonce_bytes if self._nonce else b"")

    def _bare(self, seq: int, path: bytes, body: bytes, nonce: bytes = b"") -> Request:
        return Request(
            self._method,
            path,
            self._headers,
            body,
            dialect=self._dialect,
            stream=self._stream,
            nonce=nonce,
            step=self._step,
            seq=seq,
        )


def built_in(spec: JourneySpec, job: EngineJob, step: int, environment: Mapping[str, str] = os.environ) -> BuiltIn:
    """The journey that `spec` describes. Raises UsageError for what cannot be, RefusedError for a key not set."""
    return BuiltIn(spec, job, step, environment)


def join(base: str, path: str) -> str:
    """A default path under the target's own: people write the base URL with `/v1` at its end, or without."""
    head, _, rest = path[1:].partition("/")
    return base + "/" + rest if rest and base.rpartition("/")[2] == head else base + path


def _dialect(spec: JourneySpec) -> str:
    if spec.kind == "chat":
        return spec.dialect
    if spec.kind == "http":  # `openai` is only what a plan that says nothing gets
        return "bytes" if spec.dialect == "openai" else spec.dialect
    return "json"


def _default(spec: JourneySpec) -> _Default:
    if spec.kind == "chat":
        if spec.dialect in _CHATS:
            return _CHATS[spec.dialect]
        if spec.body and spec.path:
            return _Default(spec.path, spec.body)
        raise UsageError(
            Problem(
                f"journey {spec.name}: no body is known for a chat in the dialect {spec.dialect!r}",
                f"give path and body, or one of {', '.join(_CHATS)}",
            )
        )
    if spec.kind == "http":
        return _Default(spec.path or "/", spec.body)
    if spec.kind in _OTHERS:
        return _OTHERS[spec.kind]
    raise UsageError(Problem(f"journey {spec.name}: unknown kind {spec.kind!r}", f"one of {', '.join(KINDS)}"))
