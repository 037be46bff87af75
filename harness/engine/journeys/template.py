"""Bodies with holes: a JSON text cut once, its changing parts spliced in as bytes for each arrival."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.engine.journeys.arrival import Arrival
from harness.errors import Problem, UsageError

Slot = Callable[[Arrival], bytes]

_HOLE = re.compile(r'"\{\{\s*(\w+)\s*\}\}"|\{\{\s*(\w+)\s*\}\}')


def _number(value: int) -> bytes:
    return b"%d" % value


_INSIDE: dict[str, Slot] = {
    "prompt": lambda arrival: arrival.prompt_json,
    "nonce": lambda arrival: arrival.nonce_bytes,
    "max_tokens": lambda arrival: _number(arrival.tokens_out or 256),
    "tokens_in": lambda arrival: _number(arrival.tokens_in),
    "seq": lambda arrival: _number(arrival.seq),
    "embedding": lambda arrival: arrival.embedding_json,
}
_TEXTS = frozenset({"prompt", "nonce"})


class Template:
    """`{{prompt}}`, `{{nonce}}`, `{{max_tokens}}`, `{{tokens_in}}`, `{{seq}}` and `{{embedding}}` in a text.

    A hole that fills a whole JSON string (`"{{max_tokens}}"`) becomes a number or an array where it is one.
    Raises UsageError for a hole of another name.
    """

    def __init__(self, text: str) -> None:
        parts: list[bytes | Slot] = []
        at, opened = 0, ""
        for hole in _HOLE.finditer(text):
            name = hole[1] or hole[2]
            slot = _INSIDE.get(name)
            if slot is None:
                known = ", ".join("{{" + n + "}}" for n in _INSIDE)
                raise UsageError(Problem(f"unknown hole {{{{{name}}}}} in a template", f"known: {known}"))
            quote = '"' if hole[1] and name in _TEXTS else ""
            parts += [(opened + text[at : hole.start()] + quote).encode(), slot]
            at, opened = hole.end(), quote
        parts.append((opened + text[at:]).encode())
        self._parts = tuple(part for part in parts if part != b"")

    @property
    def is_constant(self) -> bool:
        return all(isinstance(part, bytes) for part in self._parts)

    @property
    def text(self) -> bytes:
        """All of it, where it is constant."""
        assert self.is_constant
        return b"".join(part for part in self._parts if isinstance(part, bytes))

    def render(self, arrival: Arrival) -> bytes:
        return b"".join([part if part.__class__ is bytes else part(arrival) for part in self._parts])  # type: ignore[operator]
