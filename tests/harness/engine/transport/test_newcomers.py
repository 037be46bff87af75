"""New users: as many as asked for, in every part of the seqs; each on its own connection, closed behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest

from harness.engine.exchange import Request
from harness.engine.transport.newcomers import Newcomers
from harness.results.row import FLAG_NEW_CONNECTION


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.5, 1.0])
def test_the_share_holds_overall_and_for_each_worker(share: float) -> None:
    new = [Newcomers(share).is_new(seq) for seq in range(3000)]
    assert sum(new) / 3000 == pytest.approx(share, abs=0.01)
    for worker in range(3):
        assert sum(new[worker::3]) / 1000 == pytest.approx(share, abs=0.03)


def test_an_arrival_keeps_its_pile_until_it_leaves() -> None:
    newcomers, shared = Newcomers(1.0), [object()]
    pile = newcomers.pile(7, shared)
    assert pile is not shared and newcomers.pile(7, shared) is pile
    newcomers.leave(7)
    newcomers.leave(7)
    assert newcomers.pile(7, shared) is not pile
    assert Newcomers(0.0).pile(7, shared) is shared


def echo(peer: Any) -> None:
    while peer.request():
        peer.answer(b"{}")


def test_each_arrival_connects_and_its_later_requests_do_not(
    serve: Callable[..., Any], meet: Callable[..., Any]
) -> None:
    server = serve(echo)
    meeting = meet(server.url, new_connections=1.0)
    for seq in range(5):
        first, second = (meeting.ask(Request(b"GET", b"/", seq=seq))[0] for _ in range(2))
        assert first.flags & FLAG_NEW_CONNECTION and not second.flags & FLAG_NEW_CONNECTION
        meeting.transport.leave(seq)
    gevent.sleep(0.05)
    assert meeting.transport.connects == server.connections == 5
    assert not meeting.transport._connections


def test_without_newcomers_leaving_closes_nothing(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    meeting = meet(serve(echo).url)
    for seq in range(5):
        meeting.ask(Request(b"GET", b"/", seq=seq))
        meeting.transport.leave(seq)
    assert meeting.transport.connects == 1
