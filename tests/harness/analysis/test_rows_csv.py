import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis import Evidence, Rules, Word, judge, parse_slo, rows_from_csv
from harness.errors import UsageError
from harness.results import NEVER, Outcome

HEAD = "due_s,sent_s,finished_s,outcome,first_token_s,journey,phase,tokens_out\n"


def test_all_columns() -> None:
    rows = rows_from_csv(HEAD + "1.5,1.501,3.25,ok,2,chat,peak,40\n0.5,0.5,,timeout,,rag,warm,\n", "rows.csv")
    late, early = rows.array
    assert rows.catalog.journeys == ("chat", "rag")
    assert rows.catalog.phases == ("peak", "warm")
    assert (late["due_ns"], late["sent_ns"], late["finished_ns"]) == (1_500_000_000, 1_501_000_000, 3_250_000_000)
    assert (late["first_token_ns"], late["tokens_out"], late["outcome"]) == (2_000_000_000, 40, Outcome.OK)
    assert (early["outcome"], early["finished_ns"], early["first_token_ns"]) == (Outcome.TIMEOUT, NEVER, NEVER)


def test_the_fewest_columns() -> None:
    rows = rows_from_csv("sent_s,latency_s,status\n0,0.5,200\n1,0.25,429\n2,,0\n", "rows.csv")
    assert rows.array["outcome"].tolist() == [Outcome.OK, Outcome.THROTTLED, Outcome.RESET]
    assert rows.array["finished_ns"].tolist() == [500_000_000, 1_250_000_000, NEVER]
    assert rows.catalog.phases == ("all",)


def csv_of(n: int, latency: float = 0.2, head: str = "due_s,sent_s,latency_s,outcome") -> str:
    rng = np.random.default_rng(1)
    due = np.sort(rng.uniform(0, n / 20, n))
    lines = [
        f"{t:.6f},{t + 0.001:.6f},{latency * x:.6f},ok"
        for t, x in zip(due, np.exp(0.3 * rng.standard_normal(n)), strict=True)
    ]
    return head + "\n" + "\n".join(reversed(lines)) + "\n"


def test_rows_of_another_tool_pass_fail_and_feed_what_they_can() -> None:
    evidence, rules = Evidence(own_run=False), Rules(smoke=True)
    good = judge(rows_from_csv(csv_of(900), "r.csv"), [parse_slo("e2e p95 <= 1s")], rules, evidence)
    assert good.word is Word.PASS
    status = {c.kind: c.status for c in good.caveats}
    assert (status["send_lag"], status["late_sends"], status["ledger"]) == ("held", "held", "not_fed")
    slow = judge(rows_from_csv(csv_of(900, latency=2), "r.csv"), [parse_slo("e2e p95 <= 1s")], rules, evidence)
    assert slow.word is Word.FAIL


def test_without_due_times_the_lag_is_not_fed() -> None:
    text = csv_of(900).replace("due_s,", "x,", 1)
    verdict = judge(
        rows_from_csv(text, "r.csv"), [parse_slo("e2e p95 <= 1s")], Rules(smoke=True), Evidence(own_run=False)
    )
    assert {c.kind: c.status for c in verdict.caveats}["send_lag"] == "not_fed"
    assert verdict.word is Word.PASS


@pytest.mark.parametrize(
    ("body", "line", "says"),
    [
        ("1,1,,ok,,,,\n", 2, "a success without an end"),
        ("1,1,0.5,ok,,,,\n", 2, "finished before"),
        ("1,1,2,ok,,,,\n-1,0,2,ok,,,,\n", 3, "before the start"),
        ("1,1,nan,ok,,,,\n", 2, "not a finite number"),
        ("1,1,inf,ok,,,,\n", 2, "not a finite number"),
        ("1,1,two,ok,,,,\n", 2, "finished_s is not a finite number: 'two'"),
        ("1,1,2,great,,,,\n", 2, "not an outcome"),
        ("1,1,2,ok,5,,,\n", 2, "first token outside"),
        ("1,1,2,ok,0.5,,,\n", 2, "first token outside"),
        ("1,1,2,ok,,,,-4\n", 2, "negative"),
        ("1,1,2,ok,,,\n", 2, "7 cells under a header of 8"),
        ("1,0.2,2,ok,,,,\n", 2, "sent before it was due"),
        (",,2,ok,,,,\n", 2, "neither"),
        ("1,1,2e12,ok,,,,\n", 2, "30 years"),
    ],
)
def test_a_row_that_cannot_be_is_an_error_at_its_line(body: str, line: int, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        rows_from_csv(HEAD + body, "rows.csv")
    assert f"rows.csv:{line}:1: " in str(caught.value)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "empty file"), (HEAD, "no rows"), ("a,b\n1,2\n", "no column due_s"), ("due_s,due_s\n1,2\n", "twice"),
     ("due_s,finished_s,outcome,phse\n1,2,ok,x\n", "did you mean 'phase'"),
     ('due_s,finished_s,outcome\n1,2,"ok\n', "not a CSV"),
     ("due_s,finished_s,outcome,status\n1,2,ok,500\n", "a success with an error status"),
     ("due_s,finished_s,status\n1,2,999\n", "not an HTTP status")],
)  # fmt: skip
def test_a_file_that_cannot_be_read(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        rows_from_csv(text, "rows.csv")


def test_all_problems_at_once_but_not_a_flood() -> None:
    with pytest.raises(UsageError) as caught:
        rows_from_csv(HEAD + "1,1,,ok,,,,\n" * 500, "rows.csv")
    assert len(caught.value.problems) == 21
    assert "480 more rows" in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='0123456789.,-\n"eoknaift ', max_size=200))
def test_any_text_is_rows_or_a_usage_error(body: str) -> None:
    try:
        rows = rows_from_csv("due_s,finished_s,outcome\n" + body, "fuzz.csv")
    except UsageError:
        return
    assert np.all(
        rows.array["finished_ns"][rows.array["outcome"] == 0] >= rows.array["due_ns"][rows.array["outcome"] == 0]
    )


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(12)))
def test_any_order_of_rows_gives_the_same_verdict(order: list[int]) -> None:
    lines = csv_of(240).splitlines()
    parts = [lines[1:][k::12] for k in order]
    text = "\n".join([lines[0], *(line for part in parts for line in part)])
    slos, rules = [parse_slo("e2e p95 <= 1s")], Rules(smoke=True)
    base = judge(rows_from_csv("\n".join(lines), "r"), slos, rules, Evidence(own_run=False))
    assert judge(rows_from_csv(text, "r"), slos, rules, Evidence(own_run=False)) == base


@pytest.mark.parametrize(
    ("head", "rows", "says"),
    [
        ("due_s,latency_s,outcome,phase", "0,1,ok,peak\n1,1,server_error,\n", "rows.csv:3:1: no phase"),
        ("due_s,latency_s,outcome,attempts", "0,1,ok,3\n1,1,ok,\n", "rows.csv:3:1: no attempts"),
    ],
)
def test_a_blank_that_would_leave_a_row_out_is_an_error(head: str, rows: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        rows_from_csv(f"{head}\n{rows}", "rows.csv")


def test_one_row_without_a_due_time_leaves_the_lag_unknown() -> None:
    text = csv_of(600) + ",700,0.2,ok\n"
    verdict = judge(rows_from_csv(text, "r.csv"), [parse_slo("e2e p90 <= 1s")], Rules(smoke=True), Evidence(False))
    assert {c.status for c in verdict.caveats if c.kind in {"send_lag", "late_sends"}} == {"not_fed"}


def _streams(tokens: str, gap: str, every: int = 2) -> str:
    rows = [
        f"{k * 0.05:.2f},{k * 0.05 + 0.1:.2f},{k * 0.05 + 2.1:.2f},ok,{tokens if k % every else 200},{gap}\n"
        for k in range(1200)
    ]
    return "due_s,first_token_s,finished_s,outcome,tokens_out,max_gap_s\n" + "".join(rows)


@pytest.mark.parametrize(
    ("slo", "text", "word"),
    [
        ("gap p90 <= 50ms", _streams("200", ""), Word.INVALID),
        ("gap p90 <= 50ms", _streams("200", "0.02"), Word.PASS),
        ("tpot p90 <= 50ms", _streams("200", ""), Word.PASS),
        ("tpot p90 <= 50ms", _streams("", ""), Word.INVALID),
        ("goodput >= 90% {tpot: 50ms}", _streams("", ""), Word.INVALID),
        ("tokens/s p10 >= 10/s", _streams("", ""), Word.INVALID),
    ],
)
def test_what_nobody_recorded_of_a_stream_is_not_taken_for_good(slo: str, text: str, word: Word) -> None:
    verdict = judge(rows_from_csv(text, "r.csv"), [parse_slo(slo)], Rules(smoke=True), Evidence(False))
    assert verdict.word is word


def test_a_pause_that_was_not_recorded_is_at_most_its_stream() -> None:
    text = "due_s,first_token_s,finished_s,outcome,max_gap_s\n0,1,3,ok,0.5\n1,2,5,ok,\n"
    assert rows_from_csv(text, "r.csv").array["max_gap_us"].tolist() == [500_000, 3_000_000]
