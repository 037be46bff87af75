from __future__ import annotations

import pytest

from tests.mock_services.copilot.stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()
