"""Can level 5 of the ladder speak at all? Asked before a drill that rests on it alone (drills.md, L5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import orjson

from harness import config
from harness.drill.adapters.carrying import with_secrets
from harness.errors import Problem, RefusedError

_CANARY = re.compile(rb"\[served-by:[^\]\s]+\]")
_ENOUGH_BYTES = 65_536
_TIMEOUT_S = 30.0
_TOKENS = 64


def check_canary(plan: config.Plan, target: str, environ: Mapping[str, str]) -> None:
    """Ask the target once, as the plan's first chat journey would. Raises RefusedError where the answer does not say
    who wrote it: degraded mode would never be detected, whatever happens.

    Journeys of other kinds are not asked here; an L5-only drill on them is INVALID where no answer carried a canary.
    """
    journey = next((j for j in plan.journeys.values() if j.kind == "chat" and not j.body), None)
    if journey is None:
        return
    try:
        said = _ask(plan, journey, target, environ)
    except httpx.HTTPError as error:
        raise RefusedError(Problem(f"{target} does not answer: {error or type(error).__name__}")) from None
    if not _CANARY.search(said):
        what = f"the drill rests on level 5 alone, and no text of {target} carries a canary ([served-by:NAME])"
        raise RefusedError(Problem(what, "name another signal: a header, a model, or an upstream's share"))


def _ask(plan: config.Plan, journey: config.Journey, target: str, environ: Mapping[str, str]) -> bytes:
    body = {
        "model": journey.model or "any",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": _TOKENS,
        "stream": False,
    }
    headers = {name: with_secrets(text, environ) for name, text in {**plan.headers, **journey.headers}.items()}
    said = bytearray()
    with (
        httpx.Client(trust_env=False, timeout=_TIMEOUT_S) as client,
        client.stream(
            "POST",
            _url(target, journey.path or "/v1/chat/completions"),
            content=orjson.dumps(body),
            headers={"content-type": "application/json", **headers},
        ) as answer,
    ):
        for piece in answer.iter_bytes():
            said += piece
            if len(said) > _ENOUGH_BYTES:
                break
    return bytes(said)


def _url(target: str, path: str) -> str:
    """Joined as the engine joins them: below the target's own path, unless it begins with that."""
    parts = urlsplit(target)
    base = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}" + (path if path.startswith(base + "/") else base + path)
