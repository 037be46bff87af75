"""How degraded mode shows from outside: the signals a drill may name, and the rung of the ladder each stands on.

L1 a gateway's header · L2 the response's `model` · L3 the app's own marker · L4 what the upstreams saw · L5 the canary
token that each mock model writes into its text (drills.md). L4 and L5 need no change in the app.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

HEADER, SERVED_BY, MODEL, UPSTREAM, ABSENT, CANARY = "header", "served_by", "model", "upstream", "absent", "canary"
DEFAULT_SHARE = 0.5
GATEWAY_HEADERS = ("x-litellm-", "x-portkey-", "x-kong-", "helicone-", "cf-aig-")
"""Headers that a gateway writes, not the app: level 1."""

_SHARE = r"(?:\s*>=\s*(?P<share>\d+(?:\.\d+)?)\s*%)?"
_FORMS = (
    (HEADER, re.compile(rf"header\s+(?P<name>[A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*==\s*(?P<value>[^\s>]\S*))?{_SHARE}")),
    (SERVED_BY, re.compile(rf"served_by\s*==\s*(?P<value>[^\s>]\S*){_SHARE}")),
    (MODEL, re.compile(rf"model\s*==\s*(?P<value>[^\s>]\S*){_SHARE}")),
    (UPSTREAM, re.compile(rf"upstream\s+share\s+(?P<value>\S+){_SHARE}")),
    (ABSENT, re.compile(rf"upstream\s+absent\s+(?P<value>\S+){_SHARE}")),
    (CANARY, re.compile(rf"canary\s*==\s*(?P<value>[^\s>]\S*){_SHARE}")),
)
_LEVELS = {SERVED_BY: 3, MODEL: 2, UPSTREAM: 4, ABSENT: 4, CANARY: 5}


@dataclass(frozen=True)
class Signal:
    """One way to tell: an answer carries it or not, and it speaks once more than `share` of the answers do."""

    kind: str
    name: str
    """The header's; empty for the other kinds."""
    value: str
    """What it must say; empty for a header means any."""
    share: float
    text: str

    @property
    def level(self) -> int:
        """1 to 5, its rung of the ladder."""
        if self.kind == HEADER:
            return 1 if self.name.startswith(GATEWAY_HEADERS) else 3
        return _LEVELS[self.kind]

    @property
    def header_text(self) -> str:
        """As a plan's `degraded:` says it; empty for other kinds."""
        if self.kind != HEADER:
            return ""
        return f"header {self.name}" + (f" == {self.value}" if self.value else "")

    def __str__(self) -> str:
        return self.text


def parse_signal(text: str) -> Signal:
    """`header x-degraded == no-tools >= 10%`, `model == gpt-small`, `upstream share llm/fallback >= 50%`,
    `upstream absent vector`, `canary == gpt-small` -> a Signal. Raises ValueError with the forms."""
    for kind, form in _FORMS:
        if match := form.fullmatch(text.strip()):
            parts = match.groupdict()
            share = float(parts["share"]) / 100 if parts["share"] else DEFAULT_SHARE
            if not 0 < share <= 1:
                raise ValueError(f"a share is above 0 and at most 100 %: {text!r}")
            return Signal(kind, (parts.get("name") or "").lower(), parts["value"] or "", share, text.strip())
    raise ValueError(
        f"not a signal: {text!r}; write `header NAME == VALUE`, `model == NAME`, `upstream share NAME >= 50%`, "
        "`upstream absent NAME` or `canary == NAME`"
    )


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no signal; write it like header x-degraded")  # noqa: TRY004 -- pydantic collects ValueErrors
    return parse_signal(value)


SignalText = Annotated[
    Signal,
    BeforeValidator(_read),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "title": "signal", "examples": ["upstream share llm/fallback >= 50%"]}),
]
