"""Generator journeys under a plain `locust -f`: a Locust user made of them, for Locust's own load model and web UI.

The engine does not use it. It is for looking at a profile with Locust's tools: closed load, Locust's statistics.
"""

from __future__ import annotations

import itertools
import random
import sys
import time
from collections.abc import Callable, Generator
from typing import Any

from harness.engine.exchange import Exchange, Request
from harness.engine.journeys.arrival import Arrival
from harness.engine.journeys.prompts import Prompts
from harness.engine.journeys.steps import Answer, Ask, StepFailed, Think
from harness.results import Outcome

_TOKENS_IN, _TOKENS_OUT = 200, 100
"""Sizes of an arrival that no plan has drawn."""


def locust_user(name: str, *journeys: Callable[..., Any]) -> type | None:
    """A Locust `FastHttpUser` class of that name whose tasks are `journeys`, by their weights.

    None where Locust is not loaded: then nobody could use it, and the file stays free of Locust.
    """
    locust: Any = sys.modules.get("locust")
    if locust is None:
        return None
    numbers = itertools.count()
    prompts = Prompts(random.getrandbits(32))

    def task_of(journey: Callable[..., Any]) -> Callable[[Any], None]:
        def run(user: Any) -> None:
            arrival = Arrival(prompts, next(numbers), _TOKENS_IN, _TOKENS_OUT)
            _play(journey(arrival), user.client)

        run.__name__ = journey.__name__
        return run

    weights = [(journey, getattr(journey, "peakproof_journey", ("", 1.0))[1]) for journey in journeys]
    least = min(weight for _, weight in weights)
    tasks = [(task_of(journey), max(1, round(weight / least))) for journey, weight in weights]
    fields = {"tasks": dict(tasks), "wait_time": locust.constant(0)}
    made: type = type(locust.FastHttpUser)(name, (locust.FastHttpUser,), fields)
    return made


def _play(steps: Generator[Any, Any, None], client: Any) -> None:
    value: Any = None
    try:
        while True:
            item = steps.throw(value) if isinstance(value, StepFailed) else steps.send(value)
            value = _do(item, client)
    except (StopIteration, StepFailed):
        pass  # a failed step is in Locust's statistics already
    finally:
        steps.close()


def _do(item: Any, client: Any) -> Any:
    if isinstance(item, Think):
        time.sleep(item.seconds)  # Locust has made it give way to the other users
        return None
    if not isinstance(item, Ask):
        raise TypeError(f"a journey yields steps (chat, search, http, think, ...), not {item!r:.80}")
    with client.request(
        item.method,
        item.path,
        data=item.body,
        headers=dict(item.said or {}),
        name=item.name,
        catch_response=True,
    ) as response:
        body = response.content or b""
        if item.expect and item.expect.encode() not in body:
            response.failure("the answer does not hold its request's nonce")
        elif item.stream and item.dialect == "openai" and b"data: [DONE]" not in body:
            response.failure("the stream ended without its end mark")
        exchange = Exchange(Request(b"", b""))
        failed = response._manual_result not in (None, True) or not response.ok
        exchange.outcome = Outcome.SERVER_ERROR if failed else Outcome.OK
        exchange.status, exchange.body = response.status_code or 0, body
    answer = Answer(exchange)
    return StepFailed(answer) if item.required and not answer.ok else answer
