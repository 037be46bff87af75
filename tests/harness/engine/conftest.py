from __future__ import annotations

from typing import Any

import gevent
import pytest

from harness.engine.journeys.prompts import Prompts


@pytest.fixture(scope="session")
def loop() -> Any:
    return gevent.get_hub().loop


@pytest.fixture(scope="session")
def prompts() -> Prompts:
    return Prompts(7)
