from __future__ import annotations

import json
import math
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import numpy as np
import pytest

from harness import forecast
from harness.errors import RefusedError, UsageError
from harness.run.forecasting import Asked, foresee
from harness.run.prometheus import MOST_POINTS, Query, query_range

NOW = datetime(2026, 11, 24, 12, 0, 7, tzinfo=UTC)
URL = "http://127.0.0.1:9090"


class Fake:
    """A Prometheus with one series, 1 request/s, and what it was asked."""

    def __init__(self, status: int = 200) -> None:
        self.asked: list[dict[str, str]] = []
        self.tokens: list[str] = []
        self.status = status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = {key: values[0] for key, values in parse_qs(request.content.decode()).items()}
        self.asked.append(asked)
        self.tokens.append(request.headers.get("authorization", ""))
        start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        times = np.arange(start, end + step / 2, step)
        assert times.size <= MOST_POINTS
        result = [{"metric": {"a": "b"}, "values": [[t, "1"] for t in times.tolist()]}]
        body = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return httpx.Response(self.status, json=body)

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self))


def test_the_times_are_whole_steps_up_to_now() -> None:
    fake = Fake()
    text = query_range(URL, Query("x", days=1, step_s=300), NOW, "secret", fake.client)
    (asked,) = fake.asked
    assert float(asked["end"]) == datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
    assert float(asked["end"]) - float(asked["start"]) == 86_400
    assert fake.tokens == ["Bearer secret"]
    assert forecast.read_history(text, "p").counts.size == 289


def test_a_long_time_is_asked_for_in_parts_and_comes_back_whole() -> None:
    fake = Fake()
    text = query_range(URL, Query("x", days=28, step_s=60), NOW, client=fake.client)
    assert len(fake.asked) == 4
    (series,) = json.loads(text)["data"]["result"]
    assert np.all(np.diff([t for t, _ in series["values"]]) == 60)
    assert len(series["values"]) == 28 * 1440 + 1
    assert forecast.read_history(text, "p").gap_share == 0


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (Query("x", days=0), "0 days"),
        (Query("x", days=400, step_s=60), "--step"),
        (Query("x", days=1, step_s=0.5), "1 s and more"),
    ],
)
def test_what_cannot_be_asked_is_refused(query: Query, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        query_range(URL, query, NOW, client=Fake().client)


def test_the_step_that_is_advised_is_accepted() -> None:
    with pytest.raises(UsageError) as caught:
        query_range(URL, Query("x", days=400, step_s=60), NOW, client=Fake().client)
    advised = float(caught.value.problems[0].advice.split("--step ")[1].split("s")[0])
    query_range(URL, Query("x", days=400, step_s=advised), NOW, client=Fake().client)


def test_a_refusal_is_told_with_its_cause() -> None:
    with pytest.raises(RefusedError, match="PROMETHEUS_TOKEN"):
        query_range(URL, Query("x", days=1), NOW, client=Fake(401).client)
    with pytest.raises(RefusedError, match="answered 422"):
        query_range(URL, Query("x", days=1), NOW, client=Fake(422).client)
    odd = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, text="<html>")))
    with pytest.raises(RefusedError, match="no matrix"):
        query_range(URL, Query("x", days=28, step_s=60), NOW, client=odd)


@pytest.mark.parametrize(
    ("promql", "step_s", "doubt"),
    [
        ("sum(rate(x_total[5m]))", 300, None),
        ("sum(x)", 300, None),
        ("sum(rate(x_total[5m]))", 3600, "what happened between is not seen"),
        ("sum(rate(x_total[1h]))", 300, "shorter peaks are flattened"),
    ],
)
def test_a_look_back_that_is_not_the_step_is_doubted(promql: str, step_s: float, doubt: str | None) -> None:
    doubts = Query(promql, step_s=step_s).doubts
    assert len(doubts) == (doubt is not None)
    assert doubt is None or doubt in doubts[0]


# From here on: a real one.

DAYS, STEP_S = 3, 300
DOWN = range(60, 72)
"""Steps that were not scraped."""
RESTART = 300


def _counts() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Requests in each step: a wave over the day."""
    steps = np.arange(DAYS * 86_400 // STEP_S)
    return np.rint(STEP_S * (6 + 4 * np.sin(2 * np.pi * steps * STEP_S / 86_400))).astype(np.int64)


def _openmetrics(end_s: int) -> str:
    total, lines = 1000, ["# TYPE app_requests counter"]
    for step, count in enumerate([0, *_counts().tolist()]):
        total = count if step == RESTART else total + count
        at_s = end_s - (DAYS * 86_400 // STEP_S - step) * STEP_S
        if step not in DOWN:
            lines.append(f'app_requests_total{{pod="a"}} {total} {at_s}')
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, datetime]]:
    """Its address, and the moment at which its data ends."""
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        pytest.skip("no Prometheus on this machine")
    folder = tmp_path_factory.mktemp("prometheus")
    end = datetime.fromtimestamp(time.time() // STEP_S * STEP_S, UTC) - timedelta(hours=1)
    (folder / "data.om").write_text(_openmetrics(int(end.timestamp())))
    (folder / "empty.yml").write_text("global: {}\n")
    backfill = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "data.om", "data"]
    subprocess.run(backfill, cwd=folder, check=True, capture_output=True, timeout=120)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus", "--config.file=empty.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                if httpx.get(f"http://{address}/-/ready").status_code == httpx.codes.OK:
                    break
            except httpx.HTTPError:
                assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        yield f"http://{address}", end
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.e2e
def test_a_real_counter_becomes_its_increases_with_gaps_and_restarts(prometheus: tuple[str, datetime]) -> None:
    address, end = prometheus
    text = query_range(address, Query("app_requests_total", days=DAYS, step_s=STEP_S), end)
    history = forecast.read_history(text, address)
    truth = _counts().astype(float)
    truth[DOWN.start - 1 : DOWN.stop] = math.nan  # whose it is, nobody knows
    assert history.bucket_s == STEP_S
    np.testing.assert_allclose(history.counts, truth, rtol=1e-9)
    assert history.start_ns == round((end - timedelta(days=DAYS)).timestamp() * 1e9)
    assert "1 counter restarts" in " ".join(history.intake.findings)
    assert history.intake.rows_in == truth.size + 1 - len(DOWN) + 1  # the last value before the gap is repeated once


@pytest.mark.e2e
def test_a_real_rate_query_gives_the_same_traffic(prometheus: tuple[str, datetime]) -> None:
    address, end = prometheus
    query = Query("sum(rate(app_requests_total[10m]))", days=DAYS, step_s=STEP_S)
    rates = forecast.read_history(query_range(address, query, end), address).rates_per_s[-200:]
    truth = (_counts()[:-1] + _counts()[1:])[-200:] / 600
    assert np.abs(rates / truth - 1).max() < 0.01
    found = foresee(Asked(history=address, query=query), end)
    assert found.peak.peak_per_s() == pytest.approx(10.0, rel=0.02)
    assert any("looks back 600 s" in note for note in found.peak.notes)
    with pytest.raises(UsageError, match="a counter, not a rate"):
        foresee(Asked(history=address, query=Query("sum(app_requests_total)", days=DAYS)), end)
    with pytest.raises(RefusedError, match="unclosed"):
        foresee(Asked(history=address, query=Query("sum(", days=DAYS)), end)
    with pytest.raises(UsageError, match="0 series"):
        foresee(Asked(history=address, query=Query("no_such_thing", days=DAYS)), end)
