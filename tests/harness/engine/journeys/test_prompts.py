from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine.journeys.prompts import Prompts, mix, read_prompts
from harness.errors import UsageError

PROMPTS = Prompts(11)


@given(seq=st.integers(0, 2**32 - 1), tokens=st.integers(0, 100_000))
def test_a_prompt_has_its_size_and_is_a_json_string(seq: int, tokens: int) -> None:
    text = PROMPTS.text(seq, tokens)
    assert len(text) == max(16, tokens * 4) or tokens * 4 <= 17
    assert orjson.loads(b'"' + text + b'"').startswith(PROMPTS.nonce(seq).decode())


def test_no_two_arrivals_share_a_nonce_or_a_prompt() -> None:
    assert len({PROMPTS.nonce(seq) for seq in range(20_000)}) == 20_000
    assert len({PROMPTS.text(seq, 30)[:16] for seq in range(20_000)}) == 20_000


def test_the_same_seed_gives_the_same_prompts_and_another_seed_others() -> None:
    assert Prompts(11).text(5, 100) == PROMPTS.text(5, 100)
    assert Prompts(12).text(5, 100) != PROMPTS.text(5, 100)


@given(st.integers(0, 2**40), st.integers(0, 2**32), st.integers(0, 2**32))
def test_the_hash_never_collides_for_one_seed(seed: int, a: int, b: int) -> None:
    assert (mix(seed, a) == mix(seed, b)) == (a == b)


def test_vectors_have_the_size_of_a_short_embedding() -> None:
    assert len(orjson.loads(PROMPTS.vector(9))) == 256


def test_prompts_of_a_file_are_sent_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('"one"\n\n{"prompt": "two \\"q\\""}\n{"text": "drei ü"}\n')
    texts = read_prompts(path)
    assert texts == ["one", 'two "q"', "drei ü"]
    prompts = Prompts(1, texts)
    seen = {orjson.loads(b'"' + prompts.text(seq, 999) + b'"') for seq in range(50)}
    assert seen == set(texts)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("{", ":1:1: not JSON"),
        ('"a"\n{"x": 1}\n', ":2:1: no prompt"),
        ("\n", "no prompts in it"),
        ("3", ":1:1: no prompt"),
    ],
)
def test_a_bad_file_says_where(tmp_path: Path, content: str, where: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        read_prompts(path)
    assert where in str(caught.value)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_prompts(tmp_path / "no.jsonl")
