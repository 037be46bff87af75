"""Server-sent events of the OpenAI dialect, pure: bytes in, events out. An event keeps its bytes, to be passed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

DONE = b"data: [DONE]\n\n"
_LARGEST_EVENT_BYTES = 1024 * 1024


@dataclass(slots=True)
class Event:
    """One event as it came, and what it says. `error` is the text of an in-band error, or why the event is no event."""

    raw: bytes
    content: str = ""
    finish_reason: str = ""
    model: str = ""
    usage: dict[str, Any] | None = None
    error: str = ""
    is_malformed: bool = False
    is_end: bool = False


class EventReader:
    """Splits a byte stream into whole events; a partial one is held back until the rest of it comes."""

    def __init__(self) -> None:
        self._held = b""

    @property
    def is_between_events(self) -> bool:
        return not self._held.strip()

    def feed(self, piece: bytes) -> list[Event]:
        """The events that `piece` completes, in order."""
        if b"\r" in piece:  # CRLF line ends are allowed; JSON never holds a bare one
            piece = piece.replace(b"\r", b"")
        *whole, self._held = (self._held + piece).split(b"\n\n")
        events = [read_event(raw + b"\n\n") for raw in whole if raw]
        if len(self._held) > _LARGEST_EVENT_BYTES:
            self._held = b""
            events.append(Event(b"", error="an event without an end", is_malformed=True))
        return events


def read_event(raw: bytes) -> Event:
    """One whole event, comments included."""
    if raw.startswith(b"data: ") and raw.count(b"\n") == 2:
        data = raw[6:-2]
    else:
        lines = (line[5:].removeprefix(b" ") for line in raw.split(b"\n") if line.startswith(b"data:"))
        data = b"\n".join(lines)
    if not data:
        return Event(raw)
    if data.strip() == b"[DONE]":
        return Event(raw, is_end=True)
    try:
        return _read_chunk(raw, orjson.loads(data))
    except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError):
        return Event(raw, error="an event that is not a chat completion chunk", is_malformed=True)


def _read_chunk(raw: bytes, body: dict[str, Any]) -> Event:
    if (error := body.get("error")) is not None:
        message = error.get("message") if isinstance(error, dict) else error
        return Event(raw, error=str(message) or "an error without a message")
    event = Event(raw, model=body.get("model") or "", usage=body.get("usage"))
    choices = body["choices"]
    if choices:
        choice = choices[0]
        event.content = choice["delta"].get("content") or ""
        event.finish_reason = choice.get("finish_reason") or ""
    return event


def error_event(message: str, code: str) -> bytes:
    """An in-band error, as a provider sends one. No end marker follows it."""
    body = {"error": {"message": message, "type": "server_error", "param": None, "code": code}}
    return b"data: " + orjson.dumps(body) + b"\n\n"


@dataclass(frozen=True)
class Identity:
    """What all chunks of one answer share; `created` is in Unix seconds."""

    answer_id: str
    created: int


def chunk_event(
    identity: Identity,
    model: str,
    delta: Mapping[str, str] | None,
    *,
    finish: str | None = None,
    usage: Mapping[str, Any] | None = None,
) -> bytes:
    """A `chat.completion.chunk` of our own making, for answers that no model streams. No delta: no choice either."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    body: dict[str, Any] = {
        "id": identity.answer_id,
        "object": "chat.completion.chunk",
        "created": identity.created,
        "model": model,
        "choices": choices,
    }
    if usage is not None:
        body["usage"] = usage
    return b"data: " + orjson.dumps(body) + b"\n\n"
