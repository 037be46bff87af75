import pytest

from harness.analysis.foreign import read_foreign, sniff
from harness.errors import UsageError
from harness.results import Outcome

HEAD = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,success,failureMessage,bytes,Latency\n"
ROWS = (
    "1700000000000,120,chat,200,OK,t-1,true,,10,50\n"
    "1700000001000,80,chat,200,OK,t-1,false,Test failed: text expected,10,50\n"
    "1700000002000,5000,rag,Non HTTP response code: java.net.SocketTimeoutException,Read timed out,t-1,false,,0,0\n"
    "1700000003000,3,rag,429,Too Many,t-1,false,,0,0\n"
    "1700000004000,3,rag,Non HTTP response code: org.apache.http.conn.HttpHostConnectException,refused,t-1,false,,0,0\n"
)


def test_samples() -> None:
    rows = read_foreign(HEAD + ROWS, "r.jtl")
    assert sniff(HEAD + ROWS) == "jmeter-jtl"
    assert rows.array["outcome"].tolist() == [
        Outcome.OK, Outcome.WRONG_SHAPE, Outcome.TIMEOUT, Outcome.THROTTLED, Outcome.REFUSED,
    ]  # fmt: skip
    assert rows.array["sent_ns"].tolist() == pytest.approx([0, 1e9, 2e9, 3e9, 4e9], abs=500)
    assert rows.catalog.journeys == ("chat", "rag")


@pytest.mark.parametrize(
    ("text", "says"),
    [("<?xml version='1.0'?><testResults/>", "XML"), (HEAD + ROWS.replace("true", "maybe"), "neither true nor false"),
     (HEAD + ROWS.replace(",120,", ",-120,"), "before it was sent"), (HEAD, "no rows")],
)  # fmt: skip
def test_what_is_no_jtl(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_foreign(text, "r.jtl", "jmeter-jtl")


@pytest.mark.parametrize("stamp", [1_700_000_000_000_000, -5])
def test_a_time_stamp_of_another_unit_is_refused(stamp: int) -> None:
    with pytest.raises(UsageError, match="timeStamp is of no time"):
        read_foreign(f"timeStamp,elapsed,label,responseCode,success\n{stamp},5,x,200,true\n", "j.jtl")
