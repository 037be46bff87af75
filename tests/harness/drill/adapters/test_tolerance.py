from typing import Any

import pytest

from harness.drill.adapters import Observed, Probe, is_within


def probe(tolerance: Any) -> Any:
    provider = {"type": "process", "path": "x"}
    return Probe.model_validate({"name": "p", "provider": provider, "tolerance": tolerance}).tolerance


def seen(status: int = 0, stdout: str = "", ok: bool = True) -> Observed:
    return Observed(ok, status, stdout)


@pytest.mark.parametrize(
    ("tolerance", "good", "bad"),
    [
        (True, seen(), seen(1, ok=False)),
        (False, seen(1, ok=False), seen()),
        (200, seen(200), seen(503, ok=False)),
        ([200, 204], seen(204), seen(201)),
        ("ready", seen(stdout="ready\n"), seen(stdout="not ready")),
        ({"type": "range", "range": [200, 299]}, seen(204), seen(301)),
        ({"type": "range", "range": [1, 3], "target": "stdout"}, seen(stdout="2.5\n"), seen(stdout="many")),
        ({"type": "regex", "pattern": r"replicas: 0\b", "target": "body"}, seen(stdout="replicas: 0"), seen(stdout="")),
        (
            {"type": "jsonpath", "path": "$.pods[1].up", "expect": True},
            seen(stdout='{"pods": [0, {"up": true}]}'),
            seen(stdout='{"pods": []}'),
        ),
        ({"type": "jsonpath", "path": "$.error"}, seen(stdout='{"error": 1}'), seen(stdout="<html>")),
    ],
)
def test_within_and_not(tolerance: Any, good: Observed, bad: Observed) -> None:
    assert is_within(probe(tolerance), good)
    assert not is_within(probe(tolerance), bad)


@pytest.mark.parametrize(
    "tolerance", [True, False, 0, [0], "", {"type": "range", "range": [0, 9]}, {"type": "regex", "pattern": ".*"}]
)
def test_what_was_not_seen_is_never_within(tolerance: Any) -> None:
    assert not is_within(probe(tolerance), Observed(False, None, problem="timed out"))
