import json
from typing import Any

import pytest

from harness.analysis.foreign import read_foreign, sniff
from harness.errors import UsageError
from harness.results import Outcome

START = 1_759_813_207_532_900_363


def record(at_ms: int = 0, error: dict[str, Any] | None = None, cancelled: bool = False, **metadata: Any) -> str:
    start = START + at_ms * 1_000_000
    metrics = {
        "input_sequence_length": {"value": 550, "unit": "tokens"},
        "time_to_first_token": {"value": 255.9, "unit": "ms"},
        "output_sequence_length": {"value": 9, "unit": "tokens"},
        "inter_chunk_latency": {"value": [4.9, 5.3, 11.5], "unit": "ms"},
    }
    return json.dumps({
        "metadata": {"request_start_ns": start, "request_end_ns": start + 297_525_228, "benchmark_phase": "profiling",
                     "was_cancelled": cancelled, **metadata},
        "metrics": {} if error else metrics, "error": error,
    })  # fmt: skip


def test_records() -> None:
    text = "\n".join([record(), record(100, {"code": 429, "type": "HTTPError", "message": "slow down"}),
                      record(200, {"code": 499, "type": "RequestCancellationError"}, cancelled=True),
                      record(300, {"code": None, "type": "TimeoutError", "message": "timeout"})])  # fmt: skip
    assert sniff(text) == "aiperf-jsonl"
    rows = read_foreign(text, "p.jsonl")
    assert rows.array["outcome"].tolist() == [Outcome.OK, Outcome.THROTTLED, Outcome.CANCELLED, Outcome.TIMEOUT]
    first = rows.array[0]
    assert first["finished_ns"] == pytest.approx(297_525_228, abs=1000)
    assert first["first_token_ns"] == pytest.approx(255_900_000, abs=1000)
    assert first["max_gap_us"] == pytest.approx(11_500, abs=1)
    assert (first["tokens_in"], first["tokens_out"]) == (550, 9)
    assert rows.catalog.phases == ("profiling",)


def test_credits_are_due_times() -> None:
    rows = read_foreign(record(credit_issued_ns=START - 500_000_000), "p.jsonl")
    assert rows.array[0]["sent_ns"] - rows.array[0]["due_ns"] == pytest.approx(500_000_000, abs=1000)


@pytest.mark.parametrize(
    ("text", "says"), [('{"request_start_ns": 1}', "not an AIPerf record"), ("[1]", "not a JSON object")]
)
def test_what_is_no_record(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_foreign(text, "p.jsonl", "aiperf-jsonl")
