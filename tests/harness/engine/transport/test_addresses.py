"""Targets taken apart, addresses taken in turn, one that fails left out for a while."""

from __future__ import annotations

import socket
from collections import Counter

import pytest

from harness.engine.transport.addresses import SHUN_S, Address, Rotation, Target, resolve
from harness.errors import UsageError
from harness.guard.targets import Allowlist

LOCAL = [Address(socket.AF_INET, (f"127.0.0.{i}", 80)) for i in (2, 3, 4)]
NOBODY = Allowlist((), owned=False)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://127.0.0.1:8000/v1", "127.0.0.1:8000"),
        ("http://h:80", "h"),
        ("https://h", "h"),
        ("https://h:80", "h:80"),
        ("http://[::1]:8", "[::1]:8"),
        ("http://bücher.test", "xn--bcher-kva.test"),
    ],
)
def test_the_host_header(url: str, authority: str) -> None:
    assert Target.parse(url).authority == authority


@pytest.mark.parametrize(
    ("url", "base"), [("http://h", b""), ("http://h/", b""), ("http://h/v1/", b"/v1"), ("http://h/ü?x=1#y", b"/%C3%BC")]
)
def test_the_urls_own_path(url: str, base: bytes) -> None:
    assert Target.parse(url).base == base


def test_no_target() -> None:
    with pytest.raises(UsageError):
        Target.parse("ftp://h")


def test_addresses_take_turns_evenly() -> None:
    rotation = Rotation(LOCAL, "h", NOBODY)
    assert Counter(rotation.next(0) for _ in range(300)) == {0: 100, 1: 100, 2: 100}


def test_the_spread_counts_what_could_be_used() -> None:
    rotation = Rotation(LOCAL, "h", NOBODY)
    assert rotation.spread == (0, 0.0)
    for index, count in ((0, 3), (1, 1)):
        rotation.reached(index)
        rotation.sent[index] += count
    assert rotation.spread == (2, 0.75), "the third never came up: nobody could have used it"


def test_a_client_that_stays_at_one_address_could_have_used_its_whole_family() -> None:
    rotation = Rotation([*LOCAL, Address(socket.AF_INET6, ("::1", 80, 0, 0))], "h", NOBODY)
    assert rotation.met(("127.0.0.3", 80)) and rotation.met(("127.0.0.3", 80))
    assert not rotation.met(("127.0.0.3", 81)) and not rotation.met(("127.0.0.9", 80))
    assert rotation.spread == (3, 1.0)


def test_a_dead_address_is_left_out_then_tried_again() -> None:
    rotation = Rotation(LOCAL, "h", NOBODY)
    rotation.shun(1, now_ns=0)
    assert Counter(rotation.next(1) for _ in range(300)) == {0: 150, 2: 150}
    later = round(SHUN_S * 1e9)
    assert 1 in {rotation.next(later) for _ in range(3)}
    for i in range(3):
        rotation.shun(i, later)
    assert rotation.next(later) in (0, 1, 2), "with all of them dead, somebody must be asked"


def test_only_permitted_addresses_are_in_the_rotation() -> None:
    outside = Address(socket.AF_INET, ("192.0.2.1", 80))
    assert Rotation([*LOCAL, outside], "localhost", NOBODY).addresses == LOCAL
    assert Rotation([outside], "localhost", NOBODY).forbidden
    assert not Rotation([], "h", NOBODY).forbidden
    assert len(Rotation([outside], "h", Allowlist(["h"], owned=True))) == 1


def test_resolve_keeps_every_address_once() -> None:
    found = resolve("127.0.0.1", 80)
    assert found == [Address(socket.AF_INET, ("127.0.0.1", 80))]
    with pytest.raises(OSError):
        resolve("no-such-host.invalid", 80)
