from __future__ import annotations

from email.utils import formatdate

import pytest

from mock_services.copilot.upstream import read_retry_after

NOW_S = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "7.66"}, 7.66),
        ({"retry-after": "2", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "2", "retry-after-ms": "0"}, 2.0),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": formatdate(NOW_S + 30, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(NOW_S - 30, usegmt=True)}, None),
    ],
)
def test_every_way_to_say_when_to_come_back(headers: dict[str, str], expected_s: float | None) -> None:
    assert read_retry_after(headers, NOW_S) == expected_s
