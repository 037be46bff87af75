from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine.journeys.arrival import Arrival
from harness.engine.journeys.prompts import Prompts
from harness.engine.journeys.template import Template
from harness.errors import UsageError

PROMPTS = Prompts(1)


def arrival(seq: int = 3, tokens_in: int = 50, tokens_out: int = 9) -> Arrival:
    return Arrival(PROMPTS, seq, tokens_in, tokens_out)


def test_every_hole_is_filled_and_the_result_is_json() -> None:
    text = (
        '{"p": "{{prompt}}", "q": "say {{ nonce }}!", "n": {{max_tokens}}, "m": "{{max_tokens}}", '
        '"s": "{{seq}}", "v": {{embedding}}, "w": "{{embedding}}", "t": {{tokens_in}}}'
    )
    value = orjson.loads(Template(text).render(arrival()))
    assert value["p"] == arrival().prompt
    assert value["q"] == f"say {arrival().nonce}!"
    assert (value["n"], value["m"], value["s"], value["t"]) == (9, 9, 3, 50)
    assert value["v"] == value["w"] == arrival().embedding


def test_no_token_count_in_the_plan_asks_for_a_usual_one() -> None:
    assert Template("{{max_tokens}}").render(arrival(tokens_out=0)) == b"256"


def test_an_unknown_hole_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"unknown hole \{\{promt\}\}"):
        Template('{"a": "{{promt}}"}')


@given(st.text(alphabet=st.characters(exclude_characters="{}", exclude_categories=["Cs"])))
def test_text_without_holes_is_itself(text: str) -> None:
    assert Template(text).render(arrival()) == text.encode()
