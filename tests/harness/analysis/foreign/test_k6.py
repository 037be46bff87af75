import json

import pytest

from harness.analysis import Evidence, Rules, Word, judge, parse_slo
from harness.analysis.foreign import read_foreign, sniff
from harness.errors import UsageError
from harness.results import Outcome, Reason


def point(metric: str, end: str, value: float, **tags: str) -> str:
    return json.dumps({"metric": metric, "type": "Point", "data": {"time": end, "value": value, "tags": tags}})


JSON = "\n".join(
    [
        '{"type":"Metric","data":{"type":"trend","contains":"time"},"metric":"http_req_duration"}',
        point("http_req_duration", "2026-05-09T14:34:45.239531499+02:00", 459.9, status="200", scenario="chat"),
        point("http_req_waiting", "2026-05-09T14:34:45.239531499+02:00", 400, status="200"),
        point("http_req_duration", "2026-05-09T14:34:46.239531499+02:00", 3.5, status="429", scenario="chat"),
        point("http_req_duration", "2026-05-09T14:34:47.239531499+02:00", 5000, status="0", error_code="1050"),
        point("http_req_duration", "2026-05-09T14:34:47.339531499+02:00", 0, status="0", error_code="1101"),
        point("dropped_iterations", "2026-05-09T14:34:48Z".replace("14", "12", 1), 3, scenario="chat"),
    ]
)


def test_json_points_become_requests_from_their_start() -> None:
    rows = read_foreign(JSON, "k6.json")
    assert sniff(JSON) == "k6-json"
    first = rows.array[0]
    assert first["finished_ns"] - first["sent_ns"] == pytest.approx(459_900_000, abs=1000)
    assert rows.array["outcome"].tolist() == [
        Outcome.OK, Outcome.THROTTLED, Outcome.TIMEOUT, Outcome.REFUSED, *[Outcome.NOT_SENT] * 3,
    ]  # fmt: skip
    assert rows.array["reason"][3] == Reason.CLIENT_DNS
    assert rows.catalog.journeys[0] == "chat"
    assert rows.array["due_ns"].min() == 0


def test_csv_with_any_time_unit() -> None:
    head = "metric_name,timestamp,metric_value,check,error,error_code,group,method,name,scenario,status\n"
    for stamp in ("1595325560", "1595325560000", "1595325560000000000"):
        text = (
            head + f"http_reqs,{stamp},1,,,,,GET,u,default,200\nhttp_req_duration,{stamp},221.9,,,,,GET,u,default,200\n"
        )
        rows = read_foreign(text, "k6.csv")
        assert rows.array["finished_ns"].tolist() == pytest.approx([221_900_000], abs=1000)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (JSON.splitlines()[0], "no requests"),
        (JSON + '\n{"type":"Point","metric":"http_req_duration","data":{"time":"soon","value":1}}', "k6.json:8"),
        (JSON + '\n{"type":"Point","metric":"http_req_dur', "k6.json:8:1: not JSON"),
        (JSON + "\n" + point("http_req_duration", "2026-05-09T14:34:45Z", 1, status="999"), "no HTTP status"),
        (JSON + "\n" + point("http_req_duration", "2026-05-09T14:34:45Z", -1, status="200"), "before it was sent"),
    ],
)
def test_what_is_no_point_is_an_error_at_its_line(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_foreign(text, "k6.json")


def test_dropped_iterations_spoil_a_run_that_k6_itself_calls_fine() -> None:
    """Row 4 of the lie detector: an open load that was not offered is INVALID, unless a FAIL was proven before."""
    head = "metric_name,timestamp,metric_value,error_code,scenario,status\n"
    good = [f"http_req_duration,{1_600_000_000_000 + 50 * k},200,,default,200\n" for k in range(1200)]
    dropped = ["dropped_iterations,1600000030000,40,,default,\n"]
    slos, rules, evidence = [parse_slo("e2e p90 <= 1s")], Rules(smoke=True), Evidence(own_run=False)
    assert judge(read_foreign(head + "".join(good), "k6.csv"), slos, rules, evidence).word is Word.PASS
    verdict = judge(read_foreign(head + "".join(good + dropped), "k6.csv"), slos, rules, evidence)
    assert verdict.word is Word.INVALID
    assert "late_sends" in verdict.reasons


def _many(*extra: str, blocked: float = 0.0, expected: str = "true") -> str:
    """1,200 quick answers in a minute, each with the points that k6 writes beside it."""
    lines = []
    for k in range(1200):
        moment = f"2026-05-09T14:{k // 1200:02d}:{k * 0.05:09.6f}Z"
        tags = {"status": "200", "scenario": "chat", "expected_response": expected}
        lines += [point("http_req_duration", moment, 200, **tags), point("http_req_blocked", moment, blocked, **tags)]
        lines += [line.replace("MOMENT", moment) for line in extra]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (_many(), Word.PASS),
        (_many(point("checks", "MOMENT", 1, check="is json", scenario="chat")), Word.PASS),
        (_many(point("checks", "MOMENT", 0, check="is json", scenario="chat")), Word.FAIL),
        (_many(expected="false"), Word.FAIL),
        (_many(blocked=3000), Word.FAIL),
    ],
)
def test_what_k6_says_beside_the_duration_counts(text: str, word: Word) -> None:
    """Failed checks, unexpected answers and waiting for a connection: a quick 200 alone is no success."""
    slos = [parse_slo("e2e p90 <= 1s"), parse_slo("errors < 2%")]
    assert judge(read_foreign(text, "k6.json"), slos, Rules(smoke=True), Evidence(own_run=False)).word is word


def test_checks_of_one_moment_refute_one_answer_and_never_one_of_another_scenario() -> None:
    at = "2026-05-09T14:34:45.5Z"
    lines = [
        point("http_req_duration", "2026-05-09T14:34:45Z", 9, status="200", scenario="chat"),
        point("http_req_duration", "2026-05-09T14:34:45.1Z", 9, status="200", scenario="chat"),
        point("http_req_duration", "2026-05-09T14:34:45.2Z", 9, status="200", scenario="other"),
        point("checks", at, 0, check="is json", scenario="chat"),
        point("checks", at, 0, check="is long", scenario="chat"),
    ]
    rows = read_foreign("\n".join(lines), "k6.json")
    assert rows.array["outcome"].tolist() == [Outcome.OK, Outcome.WRONG_SHAPE, Outcome.OK]
    assert rows.array["reason"][1] == Reason.CHECK_FAILED
