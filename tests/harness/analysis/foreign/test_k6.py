import json

import pytest

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
