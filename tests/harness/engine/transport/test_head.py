from __future__ import annotations

from harness.engine.exchange import Exchange, Request
from harness.engine.transport.head import HeadReader


def heard(number: int) -> tuple[bytes, Exchange]:
    return b"HTTP/1.1 200 OK\r\n\r\n%d" % number, Exchange(Request(b"GET", b"/"))


def test_the_memory_of_answers_is_bounded_and_given_up_where_none_repeats() -> None:
    heads = HeadReader((), "")
    for number in range(10_000):
        raw, exchange = heard(number)
        heads.remember_answer(raw, exchange, True)
        assert len(heads.told) <= 256
    kept = dict(heads.told)
    heads.remember_answer(*heard(20_000), True)
    assert heads.told == kept


def test_what_is_remembered_is_the_answer_without_its_head_and_nothing_long() -> None:
    heads = HeadReader((), "")
    raw, exchange = heard(7)
    heads.remember_answer(raw, exchange, True)
    assert heads.told[raw].body == b"7" and heads.told[raw].keep_alive
    heads.remember_answer(raw + b"x" * 2000, exchange, True)
    assert len(heads.told) == 1
