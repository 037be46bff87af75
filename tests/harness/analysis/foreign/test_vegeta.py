import json

import pytest

from harness.analysis.foreign import read_foreign, sniff
from harness.errors import UsageError
from harness.results import Outcome, Reason


def result(**fields: object) -> dict[str, object]:
    base = {"attack": "a", "seq": 0, "code": 200, "timestamp": "2026-01-02T03:04:05.5Z", "latency": 250_000_000}
    return {**base, "error": "", "bytes_in": 2, **fields}


def test_json_results() -> None:
    text = "\n".join(
        json.dumps(r)
        for r in (
            result(),
            result(timestamp="2026-01-02T03:04:06Z", code=503),
            result(code=0, error="Get http://x: net/http: request canceled (Client.Timeout exceeded)"),
            result(code=0, error="dial tcp: lookup x: no such host"),
            result(code=200, error="unexpected EOF"),
        )
    )
    assert sniff(text) == "vegeta-json"
    rows = read_foreign(text, "v.json")
    assert rows.array["outcome"].tolist() == [
        Outcome.OK, Outcome.SERVER_ERROR, Outcome.TIMEOUT, Outcome.REFUSED, Outcome.TRUNCATED,
    ]  # fmt: skip
    assert rows.array["reason"][3] == Reason.CLIENT_DNS
    assert rows.array["sent_ns"].tolist()[:2] == [0, 500_000_000]
    assert rows.array["finished_ns"][0] == 250_000_000


def test_csv_without_a_header() -> None:
    text = (
        "1767323045000000000,200,1000000,10,20,,b2s=,load,0,GET,http://t,\n"
        "1767323046000000000,0,2000000,10,0,connection refused,,load,1,GET,http://t,\n"
    )
    assert sniff(text) == "vegeta-csv"
    rows = read_foreign(text, "v.csv")
    assert rows.array["outcome"].tolist() == [Outcome.OK, Outcome.REFUSED]
    assert rows.array["sent_ns"].tolist() == pytest.approx([0, 1_000_000_000], abs=500)
    with pytest.raises(UsageError, match=r"v\.csv:2:1"):
        read_foreign(text.replace("1767323046000000000,0,", "1767323046000000000,x,"), "v.csv")


def test_a_result_without_its_moment_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"v\.json:1:1: not a vegeta result"):
        read_foreign(json.dumps(result(timestamp="never")), "v.json")
