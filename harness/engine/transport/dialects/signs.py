"""What one event of a stream, or one whole answer, says: the vocabulary that every dialect is translated into.

A dialect is four pure functions over bytes and decoded JSON; it holds no state, so one instance serves every stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Span = tuple[int, int]
"""First byte and the one after the last, as a slice has them."""
NO_SPAN: Span = (0, 0)
_BACKSLASH = 0x5C
UNKNOWN = -1
"""A token count that was not said."""


@dataclass(slots=True)
class Signs:
    """The meaning of one event or answer. `content` claims that something a reader could use was in it."""

    content: bool = False
    text: str = ""
    """The readable part of the content; tool arguments and reasoning count as content and, where textual, are here."""
    tokens_in: int = UNKNOWN
    tokens_out: int = UNKNOWN
    finish: str = ""
    finish_due: bool = False
    """It has a place for a finish reason, so a stream of such events owes one before its end."""
    model: str = ""
    end: bool = False
    """The stream's own end marker."""
    error: Any = None
    """The error object as decoded; None is none."""

    def add(self, text: Any) -> None:
        """Count `text` as content when it is a non-empty string."""
        if isinstance(text, str) and text:
            self.content = True
            self.text += text


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of APIs talks.

    `scan(event)` is the fast path: where the content's string stands, if the raw event surely is one more piece of
    content and nothing else; NO_SPAN when it might be anything else, which `read_event` then decides.
    `read_event(name, data)` takes the SSE event's name and its decoded JSON; `read_answer(data)` a whole JSON body.
    `has_end`: a good stream says that it is over (an end marker or a finish reason).
    """

    name: str
    scan: Callable[[bytes], Span]
    read_event: Callable[[str, Any], Signs]
    read_answer: Callable[[Any], Signs]
    has_end: bool = True


def span_after(event: bytes, key: bytes) -> Span:
    """Where the JSON string that follows `key` (`b'"content":'`) stands in `event`, without its quotes; NO_SPAN where
    it is empty or no string. A key cannot be imitated from inside a JSON string: its quotes would be escaped there."""
    at = event.find(key)
    if at < 0:
        return NO_SPAN
    at += len(key)
    if event.startswith(b" ", at):
        at += 1
    if not event.startswith(b'"', at):
        return NO_SPAN
    at += 1
    close = event.find(b'"', at)
    while close > at and event[close - 1] == _BACKSLASH:  # the quote may be escaped: count the backslashes
        back = close - 1
        while back > at and event[back - 1] == _BACKSLASH:
            back -= 1
        if (close - back) % 2 == 0:
            break
        close = event.find(b'"', close + 1)
    return (at, close) if close > at else NO_SPAN


def count(value: Any) -> int:
    """A token count as the dialects write it; anything that is not a count is UNKNOWN."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else UNKNOWN


def total(*counts: int) -> int:
    """The sum of those that were said; UNKNOWN when none was."""
    said = [c for c in counts if c != UNKNOWN]
    return sum(said) if said else UNKNOWN


def table(value: Any) -> dict[str, Any]:
    """`value` when it is a JSON object, else an empty one: answers are read, never trusted."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Any]:
    """`value` when it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def word(value: Any) -> str:
    """`value` when it is a string, else empty."""
    return value if isinstance(value, str) else ""
