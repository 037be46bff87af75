from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from harness.engine import Answer, Arrival, StepFailed, chat, http, search, think
from harness.engine.exchange import Exchange, Request
from harness.engine.journeys.prompts import Prompts
from harness.results import NEVER, Outcome, Reason
from tests.harness.engine.flying import Bench
from tests.harness.engine.wires import FakeWire

Steps = Generator[Any, Any, None]


@pytest.fixture
def bench(tmp_path: Path, loop: Any, prompts: Prompts) -> Any:
    def make(journey: Any, wire: FakeWire) -> Bench:
        return Bench(tmp_path, loop, prompts, wire, (journey,))

    return make


def tokens(exchange: Exchange) -> None:
    exchange.first_token_ns = exchange.sent_ns + 10
    exchange.last_token_ns = exchange.sent_ns + 20
    exchange.tokens_out, exchange.tokens_in, exchange.events = 7, 3, 6


def failing(*failures: str) -> Any:
    """Fails the requests whose path holds one of these, with 500."""

    def answer(exchange: Exchange) -> None:
        exchange.bytes_in = 100
        if any(f in exchange.request.path.decode() for f in failures):
            exchange.outcome, exchange.status = Outcome.SERVER_ERROR, 500
        else:
            exchange.body = b'{"hits": 3}'

    return answer


def one(_: Arrival) -> Steps:
    yield Request(b"GET", b"/")


def two(_: Arrival) -> Steps:
    hits = yield search([0.5, 0.25], collection="docs")
    assert hits.json() == {"hits": 3}
    yield chat("hello", context=hits)


def test_one_request_is_one_row(bench: Any, loop: Any) -> None:
    wire = FakeWire(loop, answer=tokens)
    flown = bench(one, wire)
    flown.fly(3)
    rows = flown.land(3).array
    assert sorted(rows["seq"].tolist()) == [0, 1, 2]
    assert (rows["step"] == 0).all()
    assert (rows["outcome"] == Outcome.OK).all()
    assert (rows["tokens_out"] == 7).all()
    assert (rows["finished_ns"] >= rows["last_token_ns"]).all()
    assert flown.recorder.in_flight == 0


def test_a_journey_of_two_requests_is_three_rows(bench: Any, loop: Any) -> None:
    def answer(exchange: Exchange) -> None:
        failing()(exchange)
        if exchange.request.stream:
            tokens(exchange)

    wire = FakeWire(loop, answer=answer)
    flown = bench(two, wire)
    flown.fly()
    rows = flown.land()
    steps = [rows.catalog.steps[i] for i in sorted(rows.array["step"])]
    assert steps == ["arrival", "chat", "search"]
    by_step = {rows.catalog.steps[row["step"]]: row for row in rows.array}
    assert by_step["arrival"]["tokens_out"] == 7
    assert by_step["arrival"]["attempts"] == 1
    assert by_step["arrival"]["bytes_in"] == 200
    assert by_step["arrival"]["sent_ns"] == by_step["search"]["sent_ns"]
    assert by_step["arrival"]["finished_ns"] >= by_step["chat"]["finished_ns"]
    assert by_step["chat"]["due_ns"] >= by_step["search"]["finished_ns"]
    assert b"Use this context" in wire.sent[1].body
    assert wire.sent[0].path == b"/collections/docs/points/query"


def test_a_failed_step_ends_the_arrival_with_its_outcome(bench: Any, loop: Any) -> None:
    wire = FakeWire(loop, answer=failing("collections"))
    flown = bench(two, wire)
    flown.fly()
    rows = flown.land().array
    assert rows.size == 1
    assert rows["outcome"][0] == Outcome.SERVER_ERROR
    assert rows["status"][0] == 500
    assert len(wire.sent) == 1


def test_a_journey_that_lives_with_a_failure_is_degraded_at_best(bench: Any, loop: Any) -> None:
    def patient(_: Arrival) -> Steps:
        hits = yield search([1.0], required=False)
        assert not hits.ok
        try:
            yield http("GET", "/broken")
        except StepFailed as failed:
            assert failed.answer.status == 500
        yield http("GET", "/fine")

    flown = bench(patient, FakeWire(loop, answer=failing("collections", "broken")))
    flown.fly()
    rows = flown.land()
    arrival = rows.arrivals()[0]
    assert arrival["outcome"] == Outcome.DEGRADED
    assert rows.array.size == 4


def test_a_last_step_that_failed_is_never_a_success(bench: Any, loop: Any) -> None:
    def careless(_: Arrival) -> Steps:
        yield http("GET", "/broken", required=False)

    flown = bench(careless, FakeWire(loop, answer=failing("broken")))
    flown.fly()
    assert flown.land().array["outcome"].tolist() == [Outcome.SERVER_ERROR]


def test_a_check_that_does_not_hold_and_a_bug_are_told_apart(bench: Any, loop: Any, tmp_path: Path) -> None:
    def checking(arrival: Arrival) -> Steps:
        answer: Answer = yield http("GET", "/x")
        if arrival.seq == 0:
            assert answer.status == 418
        raise KeyError("hits")

    flown = bench(checking, FakeWire(loop))
    flown.fly(2)
    rows = flown.land(2).arrivals()
    assert rows["outcome"].tolist() == [Outcome.WRONG_SHAPE] * 2
    assert rows["reason"].tolist() == [Reason.CHECK_FAILED, Reason.JOURNEY_ERROR]
    assert any("KeyError" in text for text in flown.flights.troubles)


def test_a_journey_that_breaks_before_its_first_request_was_not_sent(bench: Any, loop: Any) -> None:
    def broken(_: Arrival) -> Steps:
        raise ValueError("no")
        yield

    flown = bench(broken, FakeWire(loop))
    flown.fly()
    row = flown.land().array[0]
    assert (row["outcome"], row["reason"], row["sent_ns"]) == (Outcome.NOT_SENT, Reason.JOURNEY_ERROR, NEVER)


def test_a_journey_that_asks_for_nothing_is_no_success(bench: Any, loop: Any) -> None:
    def idle(arrival: Arrival) -> Steps:
        if arrival.seq:
            yield think(0.001)

    flown = bench(idle, FakeWire(loop))
    flown.fly(2)
    rows = flown.land(2).array
    assert rows["outcome"].tolist() == [Outcome.NOT_SENT] * 2
    assert rows["reason"].tolist() == [Reason.JOURNEY_ERROR] * 2


@pytest.mark.parametrize("nonsense", [None, 5, "text", object()])
def test_a_journey_that_yields_nonsense_is_an_error_not_a_hang(bench: Any, loop: Any, nonsense: object) -> None:
    def odd(_: Arrival) -> Steps:
        yield nonsense

    flown = bench(odd, FakeWire(loop))
    flown.fly()
    assert flown.land().array["reason"].tolist() == [Reason.JOURNEY_ERROR]


def test_a_pause_is_made_and_no_request_is_open_in_it(bench: Any, loop: Any) -> None:
    def conversation(_: Arrival) -> Steps:
        yield http("GET", "/a")
        yield think(0.05)
        yield http("GET", "/b")

    wire = FakeWire(loop)
    flown = bench(conversation, wire)
    flown.fly()
    rows = flown.land().array
    asked = sorted(rows["due_ns"][rows["step"] > 0])
    assert asked[1] - asked[0] >= 50_000_000


def test_what_is_under_way_at_the_end_is_cancelled_once(bench: Any, loop: Any) -> None:
    flown = bench(one, FakeWire(loop, after_s=0.03))
    flown.fly(2)
    flown.flights.cancel_all()
    assert flown.recorder.in_flight == 0
    import gevent

    gevent.sleep(0.06)  # the answers come after all
    rows = flown.land(2).array
    assert rows["outcome"].tolist() == [Outcome.CANCELLED] * 2
    assert rows["reason"].tolist() == [Reason.STOPPED] * 2


def test_numbers_no_row_can_hold_are_cut_not_fatal(bench: Any, loop: Any) -> None:
    def boast(exchange: Exchange) -> None:
        exchange.tokens_out, exchange.bytes_in, exchange.events, exchange.status = 10**15, 2**40, -5, 99_999

    flown = bench(one, FakeWire(loop, answer=boast))
    flown.fly()
    row = flown.land().array[0]
    assert (row["tokens_out"], row["bytes_in"], row["events"], row["status"]) == (2**32 - 1, 2**32 - 1, 0, 65_535)
    assert row["outcome"] == Outcome.OK


def test_a_server_that_invents_names_does_not_fill_the_catalog(bench: Any, loop: Any) -> None:
    count = iter(range(10_000))

    def name(exchange: Exchange) -> None:
        exchange.served_by = f"node-{next(count)}"

    flown = bench(one, FakeWire(loop, answer=name))
    flown.fly(400)
    rows = flown.land(400)
    assert len(rows.catalog.served_by) <= 256
    assert rows.catalog.served_by[rows.array["served_by"][-1]] == "other"


def test_littles_law_holds_between_the_area_and_the_rows(bench: Any, loop: Any) -> None:
    flown = bench(one, FakeWire(loop, after_s=0.05))
    flown.fly(20)
    rows = flown.land(20).array
    spent_s = float((rows["finished_ns"] - rows["sent_ns"]).sum()) / 1e9
    assert flown.recorder.area_s(time.monotonic_ns()) == pytest.approx(spent_s, rel=0.03)
