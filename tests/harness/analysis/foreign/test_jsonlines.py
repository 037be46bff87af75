import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.foreign import READERS, read_foreign, sniff
from harness.analysis.foreign.jsonlines import epoch_s
from harness.errors import UsageError
from harness.results import Rows


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T02:00:01.250000001+02:00", 1.250000001),
        ("1970-01-01T00:00:00.5Z", 0.5),
    ],
)
def test_moments_keep_their_nanoseconds(text: str, seconds: float) -> None:
    assert epoch_s(text) == pytest.approx(seconds, abs=1e-12)


def test_our_own_csv_is_a_format_too_and_the_unknown_is_named() -> None:
    assert len(read_foreign("due_s,finished_s,outcome\n0,1,ok\n", "r.csv").array) == 1
    for text, says in (("hello", "not a format"), ("", "empty file"), (" \n", "empty file")):
        with pytest.raises(UsageError, match=says):
            read_foreign(text, "x")
    with pytest.raises(UsageError, match="no format is called"):
        read_foreign("due_s", "x", "gatling")


NEARLY = (
    '{"metadata": 3}',
    '{"metadata": {"request_start_ns": "x"}, "metrics": 4}',
    '{"benchmarks": [{"requests": {"successful": [3]}}]}',
    '{"type":"Point","metric":"http_req_duration","data":[]}',
    '{"timestamp": 5, "latency": "x"}',
    "1234567890123456789,1,2,3,4,5,6,7,8\n",
)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(READERS)),
    text=st.one_of(
        st.text(max_size=80),
        st.text(alphabet='{}[]":,0123456789.eE-+nulltruefalse \n', max_size=80),
        st.sampled_from(NEARLY),
    ),
)
def test_any_text_is_rows_or_a_usage_error(name: str, text: str) -> None:
    try:
        assert isinstance(read_foreign(text, "fuzz", name), Rows)
    except UsageError as error:
        assert all(problem.file == "fuzz" for problem in error.problems)
    assert isinstance(sniff(text), str)
