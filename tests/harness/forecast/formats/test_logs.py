import numpy as np
import pytest

from harness.errors import UsageError
from harness.forecast import read_history

COMBINED = (
    '203.0.113.{i} - - [10/Oct/2026:13:{m:02d}:{s:02d} +0200] "POST /v1/chat/completions?x=[1] HTTP/1.1" 200 512 '
    '"-" "openai-python/1.40"'
)
ALB = (
    "https 2026-10-10T11:{m:02d}:{s:02d}.500000Z app/front/50dc6c495c0c9188 192.0.2.{i}:2817 10.0.0.1:80 0.000 9.9 0.0 "
    '200 200 34 366 "POST https://api.example.com:443/v1/chat HTTP/2.0" "curl/8 (x; y)" ECDHE TLSv1.2 arn:aws:x '
    '"Root=1-58337262-36d228ad5d99923122bbe354" "api.example.com" "-" 0 2026-10-10T11:{m:02d}:{s:02d}.125000Z '
    '"forward" "-" "-" "10.0.0.1:80" "200" "-" "-"'
)
ELB = '2026-10-10T11:{m:02d}:{s:02d}.125Z lb 192.0.2.{i}:1 10.0.0.1:80 0 0 0 200 200 0 57 "GET / HTTP/1.1" "curl" - -'
JSON = (
    '{{"@timestamp": "2026-10-10T13:{m:02d}:{s:02d}.125+02:00", "status": 200, "prompt_tokens": {i}, '
    '"completion_tokens": 7}}'
)


def log(template: str, count: int = 40) -> list[str]:
    return [template.format(i=i, m=i // 2, s=30 * (i % 2) + i // 4) for i in range(count)]


@pytest.mark.parametrize(
    ("template", "name"),
    [(COMBINED, "access-log"), (ALB, "balancer-log"), (ELB, "balancer-log"), (JSON, "json-lines")],
)
def test_every_log_is_recognised_and_read(template, name):
    history = read_history("\n".join(log(template)) + "\n", "access.log")
    assert history.format == name
    assert history.intake.rows_in == history.intake.rows_used == 40
    assert history.bucket_s == 60
    assert np.all(history.counts == 2)
    assert abs(history.start_ns - 1791630000 * 10**9) <= 10**9
    assert history.requests.offsets_s[1] == pytest.approx(30, abs=0.5)


def test_a_stream_is_dated_by_its_beginning_not_its_end():
    (first, *_) = read_history("\n".join(log(ALB)), "alb.log").requests.offsets_s
    assert first == 0
    assert read_history("\n".join(log(ALB)), "alb.log").start_ns % 10**9 == 125_000_000


def test_whole_seconds_are_spread_not_piled_up():
    lines = [COMBINED.format(i=i, m=i // 60, s=i % 60) for i in range(1200) for _ in range(4)]
    history = read_history("\n".join(lines), "access.log")
    assert list(history.requests.offsets_s[:5]) == [0.125, 0.375, 0.625, 0.875, 1.125]
    assert "spread evenly" in " ".join(history.intake.findings)


def test_strange_lines_are_reported_not_lost():
    lines = log(COMBINED)
    lines.insert(7, "2026/10/10 13:02:00 [notice] 1#1: signal 1 (SIGHUP) received")
    history = read_history("\n".join(lines), "access.log")
    assert (history.intake.rows_in, history.intake.rows_used) == (41, 40)
    assert [(i.kind, i.count, i.first_line) for i in history.intake.issues] == [("malformed", 1, 8)]


def test_too_many_strange_lines_are_another_format():
    lines = log(COMBINED)[:20] + ["what is this"] * 3
    with pytest.raises(UsageError, match=r"access\.log:21:1: 3 of 23 lines hold no request"):
        read_history("\n".join(lines), "access.log")


def test_token_counts_of_json_lines_are_kept_where_all_have_them():
    assert list(read_history("\n".join(log(JSON)), "j").requests.tokens[3]) == [3, 7]
    lines = log(JSON)
    lines[5] = lines[5].replace('"completion_tokens": 7', '"completion_tokens": null')
    assert read_history("\n".join(lines), "j").requests.tokens is None


def test_json_lines_without_a_time():
    with pytest.raises(UsageError, match="no time in these JSON lines"):
        read_history('{"a": 1}\n{"a": 2}\n', "j")


def test_json_lines_with_unix_times():
    lines = [f'{{"msec": "{1791630000 + i}.250", "uri": "/"}}' for i in range(0, 900, 10)]
    assert read_history("\n".join(lines), "j").start_ns == 1791630000_250_000_000
