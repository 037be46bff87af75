from __future__ import annotations

import pytest

from harness.drill import parse_bound, parse_signal


@pytest.mark.parametrize(
    ("text", "kind", "value", "share", "level"),
    [
        ("header x-served-by == fallback", "header", "fallback", 0.5, 3),
        ("header x-degraded >= 10%", "header", "", 0.1, 3),
        ("header x-degraded == no-tools >= 5 %", "header", "no-tools", 0.05, 3),
        ("header x-litellm-attempted-fallbacks == 1", "header", "1", 0.5, 1),
        ("model == gpt-small", "model", "gpt-small", 0.5, 2),
        ("served_by == cache", "served_by", "cache", 0.5, 3),
        ("upstream share llm/fallback >= 50%", "upstream", "llm/fallback", 0.5, 4),
        ("upstream absent vector", "absent", "vector", 0.5, 4),
        ("canary == gpt-small", "canary", "gpt-small", 0.5, 5),
    ],
)
def test_each_form(text: str, kind: str, value: str, share: float, level: int) -> None:
    signal = parse_signal(text)
    assert (signal.kind, signal.value, signal.share, signal.level) == (kind, value, share, level)


@pytest.mark.parametrize("text", ["", "header", "header x == ", "upstream llm", "model = a", "canary == a >= 200%"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a signal|a share"):
        parse_signal(text)


@pytest.mark.parametrize(
    ("text", "share", "value", "good", "bad"),
    [("< 0.5%", True, 0.005, 0.0049, 0.005), (">= 99%", True, 0.99, 0.99, 0.98), ("<= 1.5", False, 1.5, 1.5, 1.51)],
)
def test_bounds(text: str, share: bool, value: float, good: float, bad: float) -> None:
    bound = parse_bound(text, share=share)
    assert bound.value == value
    assert bound.allows(good) and not bound.allows(bad) and not bound.allows(float("nan"))


@pytest.mark.parametrize(("text", "share"), [("99%", True), (">= 99", True), ("<= 150%", False), ("== 1", False)])
def test_bounds_that_are_none(text: str, share: bool) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse_bound(text, share=share)
