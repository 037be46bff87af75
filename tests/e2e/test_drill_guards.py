"""What ends a drill before its time, and what never lets it begin: real drills of seconds.

Every way of stopping one is tried with PEAKPROOF_DRILLS=all (`make drill-guards`), else the door alone.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.drilled import Drilling, Mocks, drill, mock_model, now_s, peakproof, write_drill

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
AT_ONCE_S = 4.0
"""The bar is a second; a machine that others use as well is given four."""
REFUSED, INVALID, MISSED, INTERRUPTED = 3, 5, 98, 130


@pytest.fixture(scope="module")
def mocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mocks]:
    with mock_model(tmp_path_factory.mktemp("mocks")) as running:
        yield running


def _file(run: Drilling) -> None:
    (run.runs / "STOP").touch()


def _signal(run: Drilling) -> None:
    run.process.send_signal(signal.SIGINT)


def _door(run: Drilling) -> None:
    from harness.run import running_drills

    (found,) = running_drills(run.runs)
    assert found.ask()["faults"] == ["latency on llm"]
    assert found.stop()["stopping"] == "stopped by its kill switch"


@pytest.mark.parametrize("act", [_file, _signal, _door] if os.environ.get("PEAKPROOF_DRILLS") == "all" else [_door])
def test_each_kill_switch_ends_load_and_fault_at_once(
    mocks: Mocks, tmp_path: Path, act: Callable[[Drilling], None]
) -> None:
    run = drill(write_drill(tmp_path, mocks))
    run.wait_fault(mocks)
    act(run)
    acted_s = now_s()
    code, document, said = run.finish()
    assert (code, document["result"]) == (INTERRUPTED, "INVALID"), said
    assert document["why"].startswith("stopped by") and document["rollback"]["confirmed"]
    assert mocks.reverted()[-1]["reverted_s"] - acted_s < AT_ONCE_S
    assert mocks.last_request_s() - acted_s < AT_ONCE_S
    assert not mocks.faults() and not list(run.runs.glob("*/stop.json"))


def test_the_abort_rule_does_the_same_and_the_drill_did_not_hold(mocks: Mocks, tmp_path: Path) -> None:
    fault = {"on": "llm", "fault": "error", "status": 503, "for": "20s"}
    fields = {"steady_state": {"for": "2500ms"}, "abort": "errors > 25% for 2s"}
    run = drill(write_drill(tmp_path, mocks, faults=[fault], **fields))
    code, document, said = run.finish()
    assert (code, document["result"]) == (MISSED, "DID NOT HOLD"), (document, said)
    assert "aborted" in document["why"] and document["rollback"]["confirmed"]
    began_s = mocks.last_request_s()
    (at_s,) = [entry["at_s"] for entry in document["journal"] if entry["what"].startswith("aborted")]
    (gone_s,) = [entry["at_s"] for entry in document["journal"] if entry["what"].endswith("reverted")]
    assert gone_s - at_s < AT_ONCE_S
    assert began_s - mocks.reverted()[-1]["reverted_s"] < AT_ONCE_S


def test_a_held_target_a_foreign_lease_and_a_stop_file_refuse_a_start(mocks: Mocks, tmp_path: Path) -> None:
    first = drill(write_drill(tmp_path / "a", mocks))
    first.wait_fault(mocks)
    code, _, said = drill(write_drill(tmp_path / "b", mocks)).finish()
    assert code == REFUSED and "another run is loading" in said
    assert peakproof("drill", "stop", "--runs", str(first.runs)).returncode == 0
    first.finish()

    with mocks.admin() as client:
        lease = {"on": "llm", "fault": "latency", "add_ms": 100, "ttl_s": 30, "owner": "somebody else"}
        client.post("/faults", json=lease).raise_for_status()
    code, _, said = drill(write_drill(tmp_path / "b", mocks)).finish()
    assert code == REFUSED and "owner somebody else" in said and "drill rollback" in said
    cleared = peakproof("drill", "rollback", "--injector", mocks.admin_url)
    assert cleared.returncode == 0 and not mocks.faults()

    (tmp_path / "b" / "runs" / "STOP").touch()
    code, _, said = drill(write_drill(tmp_path / "b", mocks)).finish()
    assert code == REFUSED and "STOP is there" in said
