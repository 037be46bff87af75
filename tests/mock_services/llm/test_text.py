from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from mock_services.llm.text import Text, estimate_tokens, find_nonce, natural_length, text_of


@settings(max_examples=40)
@given(st.text(max_size=20), st.integers(0, 2**32), st.integers(1, 80))
def test_pieces_as_json_are_the_text(canary: str, start: int, length: int) -> None:
    text = Text(canary, "nonce:x", start, length)
    pieces = [json.loads(b'"' + text.piece_json(i) + b'"') for i in range(length)]
    assert "".join(pieces) == text.whole() and len(pieces) == length


def test_the_newest_nonce_counts_and_only_a_whole_one() -> None:
    assert find_nonce(b"nonce:old then nonce:new, please") == "nonce:new"
    assert find_nonce(b'{"content": "nonce:a\\" or"}') == "nonce:a"
    assert find_nonce(b"nonce: none") == "" and find_nonce(b"") == ""


def test_text_of_parts_and_their_tokens() -> None:
    parts = [{"type": "text", "text": "hello"}, {"type": "image_url"}, "noise", {"text": [{"text": "deep"}]}]
    assert text_of(parts) == "hello  deep" and text_of(None) == "" and text_of({"text": 3}) == ""
    assert [estimate_tokens("x" * n) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_natural_lengths_are_spread_around_their_median_and_seeded() -> None:
    lengths = sorted(natural_length(160, 0.4, start) for start in range(400))
    assert 140 < lengths[200] < 180 and lengths[20] < 100 and lengths[-20] > 250
    assert natural_length(160, 0.4, 7) == natural_length(160, 0.4, 7)
    assert natural_length(160, 0.0, 7) == 160
