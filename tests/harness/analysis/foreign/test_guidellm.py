import json
from typing import Any

import numpy as np
import pytest

from harness.analysis import Evidence, Rules, Word, judge, parse_slo
from harness.analysis.foreign import read_foreign, sniff
from harness.errors import UsageError
from harness.results import Outcome


def request(at: float, lag: float = 0.0, spent: float = 1.0, error: str = "", **timings: float) -> dict[str, Any]:
    start = 1.7e9 + at + lag
    return {
        "request_id": "x",
        "prompt_tokens": 100,
        "output_tokens": 20,
        "info": {
            "error": error or None,
            "timings": {"targeted_start": 1.7e9 + at, "request_start": start,
                        "first_token_iteration": start + spent / 3, "last_token_iteration": start + spent,
                        "request_end": start + spent, **timings},
        },
    }  # fmt: skip


def report(
    *successful: dict[str, Any], errored: tuple[dict[str, Any], ...] = (), incomplete: tuple[dict[str, Any], ...] = ()
) -> str:
    return json.dumps(
        {"benchmarks": [{"requests": {"successful": successful, "errored": errored, "incomplete": incomplete}}]}
    )


def test_requests_run_from_when_they_were_due() -> None:
    text = report(
        request(0),
        request(1, lag=2.5),
        errored=(request(2, error="HTTP 429 Too Many Requests"),),
        incomplete=(request(3),),
    )
    assert sniff(text) == "guidellm-json"
    rows = read_foreign(text, "g.json")
    assert rows.array["outcome"].tolist() == [Outcome.OK, Outcome.OK, Outcome.THROTTLED, Outcome.CANCELLED]
    assert (rows.array["sent_ns"] - rows.array["due_ns"])[:2].tolist() == pytest.approx([0, 2_500_000_000], abs=2000)
    assert rows.array["tokens_out"].tolist() == [20] * 4


def test_its_late_sends_spoil_its_run() -> None:
    """The Poisson load that was never offered on time: their report shows percentiles, ours says INVALID."""
    at = np.sort(np.random.default_rng(1).uniform(0, 60, 1200))
    text = report(*(request(t, lag=t * 0.3) for t in at))
    verdict = judge(
        read_foreign(text, "g.json"), [parse_slo("e2e p95 <= 60s")], Rules(smoke=True), Evidence(own_run=False)
    )
    assert "late_sends" in {c.kind for c in verdict.caveats if c.status == "broken"}


@pytest.mark.parametrize(
    ("text", "says"),
    [('{"benchmarks": []}', "0 benchmarks"), ('{"benchmarks": [{}, {}]}', "2 benchmarks"),
     ('{"benchmarks": [{}]}', "without its requests"),
     ('{"benchmarks": 3}', "not a GuideLLM report"), (report(), "no requests")],
)  # fmt: skip
def test_what_is_no_report(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_foreign(text, "g.json", "guidellm-json")


def test_pauses_that_it_does_not_record_are_not_taken_for_none() -> None:
    text = report(*(request(0.05 * k) for k in range(1200)))
    verdict = judge(
        read_foreign(text, "g.json"), [parse_slo("gap p95 <= 100ms")], Rules(smoke=True), Evidence(own_run=False)
    )
    assert verdict.word is Word.INVALID
    assert "do not tell the pauses" in verdict.why
