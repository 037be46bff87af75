from __future__ import annotations

from mock_services.copilot.ledger import Ledger
from mock_services.evidence import Record


def test_a_run_that_is_forgotten_meanwhile_leaves_no_false_counts() -> None:
    ledger = Ledger()
    slow = Record("POST", "/")
    counted = ledger.arrived(slow, [(b"x-peakproof-run", b"slow")])
    for n in range(100):
        record = Record("POST", "/")
        record.status = 200
        ledger.finished(record, ledger.arrived(record, [(b"x-peakproof-run", b"r%d" % n)]))
    ledger.finished(slow, counted)
    told = ledger.to_json()
    assert (told["requests"], told["in_flight"]) == (101, 0)
    assert "slow" not in told["by_run"] and "r99" in told["by_run"]
    assert all(run["in_flight"] == 0 for run in told["by_run"].values())


def test_a_run_in_use_is_kept() -> None:
    ledger = Ledger()
    for n in range(200):
        for run in (b"mine", b"r%d" % n):
            record = Record("POST", "/")
            ledger.finished(record, ledger.arrived(record, [(b"x-peakproof-run", run), (b"x-peakproof-seq", b"1")]))
    assert ledger.to_json()["by_run"]["mine"]["requests"] == 200
