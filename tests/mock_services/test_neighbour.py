from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mock_services.config import ConfigError, parse_config
from mock_services.evidence import Counts
from mock_services.neighbour import Neighbour, NeighbourSettings
from mock_services.service import Context

SERVICES = (
    {"name": "llm", "mock": "openai", "preset": "instant"},
    {"name": "neighbour", "mock": "neighbour", "target": "llm", "rps": 0, "headers": {"authorization": "Bearer sk-n"}},
)


def test_it_sends_as_many_as_it_is_told_and_its_own_log_shows_them(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await asyncio.sleep(0.2)
        assert (await lab.get("/counts"))["neighbour"]["requests"] == 0
        lease = await lab.grant("neighbour", "settings", values={"rps": 200})
        await asyncio.sleep(1)
        await lab.revert(lease)
        for _ in range(100):  # what is open comes to its end
            counts = await lab.get("/counts")
            if not counts["neighbour"]["in_flight"]:
                break
            await asyncio.sleep(0.05)
        assert counts["neighbour"]["requests"] >= 20
        assert counts["neighbour"]["by_status"] == {"200": counts["llm"]["requests"]}, "each was passed on, once"
        sent = counts["neighbour"]["requests"]
        await asyncio.sleep(0.2)
        assert (await lab.get("/counts"))["neighbour"]["requests"] - sent <= 5, "no more come than were on their way"

    in_lab(body, *SERVICES)


def test_each_question_is_another_one_whatever_its_form() -> None:
    context = Context("neighbour", 1, lambda: 0.0, Counts())
    chatty = Neighbour(NeighbourSettings(target="llm"), context)
    first = chatty._question()
    chatty._count += 1
    assert chatty._question() != first
    plain = Neighbour(NeighbourSettings(target="llm", body=[1, 2]), context)
    assert plain._question() == b"[1,2]"


def test_a_target_that_is_nobody_is_refused() -> None:
    service = {"name": "neighbour", "mock": "neighbour", "target": "gpt"}
    with pytest.raises(ConfigError, match="target 'gpt' is no service"):
        parse_config(json.dumps({"services": [service]}).encode())
