from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.tools.functions import TOOLBOX, ArgumentError


def test_the_same_arguments_give_the_same_answer_and_others_another() -> None:
    def status(order: str) -> str:
        return str(TOOLBOX["order_status"].call({"order_id": order})["result"])

    assert status("1001") == status("1001")
    assert "1001" in status("1001")
    assert len({status(str(n)).replace(str(n), "") for n in range(50)}) > 5


@given(st.integers(-999, 999), st.integers(-999, 999), st.integers(1, 99))
def test_the_calculator_is_right(a: int, b: int, c: int) -> None:
    call = TOOLBOX["calculator"].call
    assert call({"expression": f"({a}) + ({b}) * {c}"})["value"] == a + b * c
    assert call({"expression": f"({a} - {c}) / {c}"})["value"] == pytest.approx((a - c) / c)


@pytest.mark.parametrize(
    "expression",
    ["", "1 / 0", "2 ** 9", "__import__('os')", "a", "1; 2", "(" * 300, "9" * 499, "1" + "+1" * 249, "True"],
)
def test_what_is_no_arithmetic_is_refused(expression: str) -> None:
    with pytest.raises(ArgumentError, match="expression"):
        TOOLBOX["calculator"].call({"expression": expression})


def test_search_gives_as_many_hits_as_asked_for() -> None:
    found = TOOLBOX["search"].call({"query": "refunds", "limit": 5})["results"]
    assert len({hit["url"] for hit in found}) == 5
    assert [hit["score"] for hit in found] == sorted((hit["score"] for hit in found), reverse=True)
    for wrong in (0, 21, "3", True):
        with pytest.raises(ArgumentError, match="limit"):
            TOOLBOX["search"].call({"query": "x", "limit": wrong})


@given(
    st.sampled_from(sorted(TOOLBOX)),
    st.dictionaries(
        st.sampled_from(["query", "city", "expression", "order_id", "limit"]),
        st.none() | st.integers() | st.text(max_size=30) | st.lists(st.integers(), max_size=2),
    ),
)
def test_garbage_is_refused_and_never_crashes(name: str, arguments: dict[str, object]) -> None:
    try:
        assert TOOLBOX[name].call(arguments)["result"]
    except ArgumentError as error:
        assert str(error)
