"""What every test may ask for: golden files, rewritten by `pytest --update-golden`; and the rules of random tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A slow moment of a shared machine is no defect: speed is measured in bench/. In a pipeline the same examples every
# time; at a developer's desk new ones.
settings.register_profile("desk", deadline=None)
settings.register_profile("pipeline", deadline=None, derandomize=True)
settings.load_profile("pipeline" if os.environ.get("CI") else "desk")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what the tests see into tests/golden")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)`: `text` is what `tests/golden/<name>` holds."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        assert path.exists(), f"{path} is missing: look at the output, then run pytest --update-golden"
        assert text == path.read_text("utf-8"), f"{path} differs: look, then run pytest --update-golden"

    return check
