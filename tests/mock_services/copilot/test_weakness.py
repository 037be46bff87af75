from __future__ import annotations

import pytest

from mock_services.copilot.weakness import Weakness, parse_weaknesses


def test_both_written_forms() -> None:
    expected = {Weakness.NO_BREAKER: 1.0, Weakness.CUT_STREAM: 0.25, Weakness.RETRY_STORM: 5.0}
    assert parse_weaknesses("no_breaker, cut_stream=0.25,retry_storm") == expected
    assert parse_weaknesses('{"no_breaker": true, "cut_stream": 0.25, "retry_storm": true}') == expected
    assert parse_weaknesses('{"no_breaker": false}') == {}
    assert parse_weaknesses("") == {}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("no_braker", "no such weakness"),
        ("no_breaker=3", "takes no value"),
        ("cut_stream=2", "at most 1"),
        ("cut_stream=0", "above 0"),
        ("cut_stream=nan", "above 0"),
        ("cut_stream=often", "takes a number"),
        ("{", "EOF|JSON|unexpected"),
    ],
)
def test_what_it_is_not(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        parse_weaknesses(text)
