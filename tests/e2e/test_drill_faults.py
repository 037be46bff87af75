"""Faults without effect, faults that leak (lies.md, rows 50 and 51), and faults on what is not ours, as real drills.

With PEAKPROOF_DRILLS=all (`make drill-guards`): their parts are shown by unit tests, in test_effect, test_leases and
test_drill_outside.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cases import wait_for
from tests.e2e.drilled import Mocks, drill, mock_model, peakproof, write_drill

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.environ.get("PEAKPROOF_DRILLS") != "all", reason="make drill-guards"),
]
HELD, REFUSED, INVALID, ROLLBACK = 0, 3, 5, 97
LONGER: dict[str, Any] = {"load": {"rate": "30/s", "warm": "500ms", "tail": "2s"}, "steady_state": {"for": "1500ms"}}


@pytest.fixture
def mocks(tmp_path: Path) -> Iterator[Mocks]:
    with mock_model(tmp_path / "mocks") as running:
        yield running


def test_row_50_a_fault_that_is_accepted_and_does_nothing(mocks: Mocks, tmp_path: Path) -> None:
    noop = {"on": "llm", "fault": "noop", "for": "3s"}
    code, document, said = drill(write_drill(tmp_path, mocks, faults=[noop], rate=30, **LONGER)).finish()
    assert (code, document["result"]) == (INVALID, "INVALID"), said
    assert document["numbers"]["effects"] == {"llm": False}


def test_row_51_a_fault_that_leaks(mocks: Mocks, tmp_path: Path) -> None:
    """The rollback is said to have gone well, and the model still does not behave: exit 97, and no next drill."""
    path = write_drill(tmp_path, mocks, faults=[{"on": "llm", "fault": "latency", "add_ms": 200, "for": "5s"}])
    run = drill(path)
    run.wait_fault(mocks)
    with mocks.admin() as client:
        leak = {"on": "llm", "fault": "error", "status": 503, "ttl_s": 60, "owner": "a leak"}
        client.post("/faults", json=leak).raise_for_status()
    code, document, said = run.finish()
    assert (code, document["result"]) == (ROLLBACK, "INVALID"), said
    assert "does not behave as before" in document["rollback"]["against"]
    assert "drill rollback" in document["rollback"]["command"]
    code, _, said = drill(path).finish()
    assert code == REFUSED and "a fault is in force already" in said
    assert peakproof("drill", "rollback", "--injector", mocks.admin_url).returncode == 0


def outside(flag: Path) -> dict[str, Any]:
    def program(name: str, *words: str) -> dict[str, Any]:
        return {"name": name, "provider": {"type": "process", "path": words[0], "arguments": [*words[1:], str(flag)]}}

    return {
        "on": "flag",
        "action": program("set the flag", "touch"),
        "rollback": program("clear the flag", "rm", "-f"),
        "active": program("it is set", "test", "-e"),
        "gone": program("it is clear", "test", "!", "-e"),
        "for": "2s",
    }


def test_a_fault_on_what_is_not_ours(mocks: Mocks, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    path = write_drill(tmp_path, mocks, faults=[], outside=[outside(flag)], rate=30, **LONGER)
    run = drill(path)
    wait_for(lambda: flag.exists() or run.process.poll() is not None, 120)
    code, document, said = run.finish()
    assert code in {HELD, INVALID} and not flag.exists(), said
    assert document["rollback"]["confirmed"] and document["numbers"]["effects"] == {"flag": True}
    told = [entry["what"] for entry in document["journal"]]
    assert any("carried out, and seen by 'it is clear'" in what for what in told), told

    again = peakproof("analyze", str(next(run.runs.glob("*/drill.json")).parent), "--json")
    assert json.loads(again.stdout) == document and again.returncode == code
    page = (next(run.runs.glob("*/drill.json")).parent / "report.html").read_text()
    assert peakproof("report", str(next(run.runs.glob("*/drill.json")).parent)).returncode == 0
    assert (next(run.runs.glob("*/drill.json")).parent / "report.html").read_text() == page


def test_kill_9_of_the_runner_leaves_nothing_broken(mocks: Mocks, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    run = drill(write_drill(tmp_path, mocks, outside=[{**outside(flag), "for": "60s"}]))
    run.wait_fault(mocks)
    wait_for(lambda: flag.exists() or run.process.poll() is not None, 60)
    run.process.kill()
    run.process.communicate()
    wait_for(lambda: not mocks.faults() and not flag.exists(), 30)  # the bar of TTL + 1 s: `make study-kills`
