import pytest

from harness.analysis.foreign import read_foreign, sniff
from harness.errors import UsageError
from harness.results import Outcome


def test_requests_by_start_or_by_end() -> None:
    start = (
        "start_time,request_type,name,response_time,response_code,exception\n"
        "100.0,GET,/a,250,200,\n101.0,GET,/a,50,429,HTTPError\n"
    )
    end = (
        "timestamp,name,response_time,exception\n"
        "2026-01-01T00:00:00.25Z,/a,250,\n2026-01-01T00:00:01.05Z,/a,50,429 Too Many\n"
    )
    for text in (start, end):
        assert sniff(text) == "locust-csv"
        rows = read_foreign(text, "l.csv")
        assert rows.array["outcome"].tolist() == [Outcome.OK, Outcome.THROTTLED]
        assert rows.array["sent_ns"].tolist() == pytest.approx([0, 1_000_000_000], abs=2000)
        assert rows.array["finished_ns"].tolist() == pytest.approx([250_000_000, 1_050_000_000], abs=2000)


def test_aggregates_are_refused() -> None:
    text = "Type,Name,Request Count,Failure Count,Median Response Time\nGET,/a,10,0,5\n"
    with pytest.raises(UsageError, match="aggregated"):
        read_foreign(text, "l_stats.csv")


def test_a_success_with_an_exception_is_none() -> None:
    rows = read_foreign(
        "start_time,name,response_time,status_code,error\n1,/a,5,200,CatchResponseError('bad')\n", "l.csv"
    )
    assert rows.array["outcome"].tolist() == [Outcome.WRONG_SHAPE]


@pytest.mark.parametrize("unit_s", [1.0, 1e-3, 1e-6, 1e-9])
def test_moments_of_any_unit_last_as_long_as_they_lasted(unit_s: float) -> None:
    """A short run in nanoseconds is no long one that covers every cycle."""
    stamps = [round((1_700_000_000 + k) / unit_s) for k in range(3)]
    text = "start_time,name,response_time,status_code\n" + "".join(f"{stamp},/a,5,200\n" for stamp in stamps)
    rows = read_foreign(text, "l.csv")
    assert rows.array["due_ns"].tolist() == pytest.approx([0, 10**9, 2 * 10**9], abs=2000)
