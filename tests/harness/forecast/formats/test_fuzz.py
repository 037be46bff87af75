"""Importers under mangled input: no crash, no row lost in silence."""

import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.forecast import FORMATS, forecast_peak, parse_patterns, read_history
from harness.forecast.formats.logs import LOGS
from harness.forecast.history import History

START = datetime(2026, 5, 4, tzinfo=UTC)
TIMES = [START + timedelta(seconds=37.125 * i) for i in range(60)]


def lines_of(name: str) -> list[str]:
    """A healthy file of the format, as lines; the first is the header where it has one."""
    if name == "table":
        return ["timestamp,count", *(f"{START + timedelta(minutes=5 * i):%Y-%m-%d %H:%M:%S},{i}" for i in range(60))]
    if name == "timestamps":
        return [t.isoformat() for t in TIMES]
    if name == "access-log":
        return [f'192.0.2.1 - - [{t:%d/%b/%Y:%H:%M:%S} +0000] "GET /{t.second % 3} HTTP/1.1" 200 5' for t in TIMES]
    if name == "balancer-log":
        return [f'{t:%Y-%m-%dT%H:%M:%S.%f}Z lb 192.0.2.1:1 - 0 0 0 200 200 0 5 "GET / HTTP/1.1"' for t in TIMES]
    if name == "json-lines":
        return [
            json.dumps({"ts": t.isoformat(), "path": "/v1/messages", "input_tokens": 5, "output_tokens": 6})
            for t in TIMES
        ]
    if name == "azure-llm":
        return ["TIMESTAMP,ContextTokens,GeneratedTokens", *(f"{t:%Y-%m-%d %H:%M:%S.%f}0,10,20" for t in TIMES)]
    if name == "burstgpt":
        rows = [f"{40 * i},ChatGPT,10,{i % 3},20,API log" for i in range(60)]
        return ["Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type", *rows]
    if name == "mooncake":
        return [json.dumps({"timestamp": 40_000 * i, "input_length": 10, "output_length": 20}) for i in range(60)]
    if name == "rate-series":
        return ['{"points": [', *(f'{{"time_s": {i}, "qps": {i}}},' for i in range(30)), '{"time_s": 30, "qps": 1}]}']
    assert name == "prometheus"
    head = '{"data": {"resultType": "matrix", "result": [{"metric": {}, "values": ['
    return [head, *(f'[{1777852800 + 60 * i}, "{i}"],' for i in range(30)), '[1777854600, "1"]]}]}}']


HEADED = {"table", "azure-llm", "burstgpt"}
ONE_DOCUMENT = {"prometheus", "rate-series"}
junk = st.text(st.characters(codec="utf-8"), max_size=30)


@st.composite
def mangled(draw: st.DrawFn, name: str) -> list[str]:
    lines = lines_of(name)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["cut", "junk", "insert", "drop", "swap", "twice", "number", "char"]))
        if kind == "cut":
            lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
        elif kind == "junk":
            lines[at] = draw(junk)
        elif kind == "insert":
            lines.insert(at, draw(junk))
        elif kind == "drop" and len(lines) > 1:
            del lines[at]
        elif kind == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == "twice":
            lines.insert(at, lines[at])
        elif kind == "number":
            value = draw(st.sampled_from(["-1", "1e308", "9" * 30, "NaN", "", "1_0", "0x1", '"', "null", "1e400"]))
            lines[at] = re.sub(r"\d+", value.replace("\\", ""), lines[at], count=draw(st.integers(1, 3)))
        elif lines[at]:
            place = draw(st.integers(0, len(lines[at]) - 1))
            lines[at] = lines[at][:place] + draw(st.characters(codec="utf-8")) + lines[at][place + 1 :]
    return lines


def assert_whole(history: History) -> None:
    assert np.all(np.isfinite(history.counts) | np.isnan(history.counts))
    assert not np.any(history.counts < 0)
    assert history.bucket_s > 0
    if history.requests is not None:
        assert np.all(np.diff(history.requests.offsets_s) >= 0)
        assert history.intake.rows_used == history.requests.offsets_s.size
        if history.requests.journeys is not None:
            assert history.requests.journeys.size == history.intake.rows_used
            assert history.requests.journeys.max() < len(history.journeys)


@pytest.mark.parametrize("name", FORMATS)
def test_the_healthy_file_is_recognised_and_whole(name: str) -> None:
    lines = lines_of(name)
    history = read_history("\n".join(lines), name)
    assert history.format == name
    assert history.intake.rows_reported == 0
    data = 31 if name in ONE_DOCUMENT else len(lines) - (name in HEADED)
    assert history.intake.rows_in == history.intake.rows_used == data
    assert_whole(history)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_mangled_file_is_refused_or_accounted_for(name: str, data: st.DataObject) -> None:
    lines = data.draw(mangled(name))
    text = "\n".join(lines)
    asked = parse_patterns(["odd=*1", "rest=*"][: data.draw(st.integers(0, 2))] if name in LOGS else [])
    for format_name in (name, "auto"):
        try:
            history = read_history(text, "file", format_name, journeys=asked)
        except UsageError as refusal:
            assert all(problem.what for problem in refusal.problems)
            continue
        assert_whole(history)
        if history.format in ONE_DOCUMENT:
            continue
        physical = sum(1 for line in text.removeprefix("\ufeff").split("\n") if line.strip())
        # A header, where there is one, is the only line that is no row.
        assert history.intake.rows_in in {physical, physical - 1}
        if history.format not in HEADED | {"timestamps"}:
            assert history.intake.rows_in == physical


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_any_text_is_refused_or_read(text: str) -> None:
    for format_name in ("auto", *FORMATS):
        try:
            assert_whole(read_history(text, "file", format_name))
        except UsageError as refusal:
            assert refusal.problems


@settings(max_examples=25, deadline=None)
@example(["0", "1.0", "", "", "", "", "0", ""], 100_000)
@example(["2501", "2501", "2501", ""], 86400)
@given(
    st.lists(st.one_of(st.just(""), st.integers(0, 10**9).map(str), st.floats(0, 1e9).map(str)), max_size=120),
    st.sampled_from([60, 300, 3600, 86400, 100_000]),
)
def test_whatever_was_read_can_be_forecast_or_says_why_not(counts: list[str], step_s: int) -> None:
    text = "t,count\n" + "\n".join(f"{i * step_s},{count}" for i, count in enumerate(counts))
    try:
        peak = forecast_peak(read_history(text, "file")).peak
    except UsageError:
        return
    assert np.isfinite(peak.peak_per_s())
    assert peak.peak_per_s() >= 0
