"""What Locust's request event says about a request, as an outcome. Pure: no Locust."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from typing import Any

from harness.engine.exchange import Exchange
from harness.engine.transport.answers import judge_status
from harness.engine.transport.failures import judge_connect_error
from harness.results import Outcome, Reason

_TIMEOUTS = ("timeout", "timedout")
_TRUNCATED = ("incompleteread", "chunkedencoding", "contentdecoding", "connectionclosed", "invalidchunk")
_PREMATURE = "ended prematurely"


def judge_event(exchange: Exchange, event: Mapping[str, Any]) -> None:
    """Sets outcome, reason, status and size from one event's keywords.

    Locust's word on success holds both ways: a response that the task marked as failed is one, whatever its status, and
    one that it marked as a success (a 404 that was asked for) is none.
    """
    response, error = event.get("response"), event.get("exception")
    exchange.status = _count(getattr(response, "status_code", 0))
    exchange.bytes_in = _count(event.get("response_length"))
    if error is None:
        exchange.outcome, exchange.reason = Outcome.OK, Reason.NONE
    else:
        exchange.outcome, exchange.reason = _judge(exchange.status, error)


def silent_retries(response: Any) -> int:
    """Tries that a client made by itself before the answer that it shows: urllib3 keeps their history with it."""
    retries = getattr(getattr(response, "raw", None), "retries", None)
    return sum(entry.status is None or entry.status >= 400 for entry in getattr(retries, "history", ()))


def _judge(status: int, error: object) -> tuple[Outcome, Reason]:
    for link in _chain(error):
        name = type(link).__name__.lower()  # not the text: it quotes the URL
        if any(word in name for word in _TIMEOUTS):
            return Outcome.TIMEOUT, Reason.NONE
        if isinstance(link, ConnectionResetError | BrokenPipeError):
            return Outcome.RESET, Reason.NONE
        if isinstance(link, OSError) and link.errno is not None and link.errno in errno.errorcode:
            return judge_connect_error(link.errno)
        if any(word in name for word in _TRUNCATED) or _PREMATURE in str(link):
            return Outcome.TRUNCATED, Reason.CUT_IN_BODY
    by_status = judge_status(status) if status else None
    if by_status is not None:
        return by_status
    return (Outcome.WRONG_SHAPE, Reason.CHECK_FAILED) if status else (Outcome.RESET, Reason.NONE)


def _chain(error: object) -> Iterator[object]:
    """An exception and those it wraps, innermost first: the HTTP libraries hide the cause several layers deep."""
    seen: list[object] = []
    todo = [error]
    while todo and len(seen) < 12:
        link = todo.pop(0)
        if not isinstance(link, BaseException) or link in seen:
            continue
        seen.append(link)
        todo += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
    return reversed(seen) if seen else iter([error])


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and value > 0 else 0
