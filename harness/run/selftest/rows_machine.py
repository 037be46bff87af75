"""Rows 40 to 47: connections, addresses, ports, descriptors, clocks and the path: the generator's own surroundings."""

from __future__ import annotations

from harness.run.selftest import answers, clocks
from harness.run.selftest.lie import Apart, Lie, Look, Seen
from harness.run.selftest.stage import Play

_PLACES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
_NAME = "many.localhost"
_NAMED = Apart(hosts="\n".join((*(f"{place} {_NAME}" for place in _PLACES), "127.0.0.1 localhost")))
_FAR = "127.0.0.2"
"""What is sent from here meets the shaped path; what the generator's processes say to each other does not."""


def _path_of(queue_bytes: int) -> Apart:
    """A way back from the target of 2 Mbit/s, with so much room for what waits."""
    return Apart(
        (
            "ip link set lo mtu 1500",
            "tc qdisc add dev lo root handle 1: htb default 10",
            "tc class add dev lo parent 1: classid 1:10 htb rate 10gbit quantum 60000",
            "tc class add dev lo parent 1: classid 1:20 htb rate 2mbit burst 15k",
            f"tc qdisc add dev lo parent 1:20 bfifo limit {queue_bytes}",
            f"tc filter add dev lo parent 1: protocol ip prio 1 u32 match ip src {_FAR}/32 flowid 1:20",
        )
    )


_LOSSY = Apart(
    (
        "ip link set lo mtu 1500",
        "nft add table inet path",
        "nft add chain inet path in { type filter hook input priority 0 ; }",
        f"nft add rule inet path in ip saddr {_FAR} numgen random mod 10 == 0 drop",
        f"nft add rule inet path in ip daddr {_FAR} numgen random mod 10 == 0 drop",
    )
)


def _says(kind: str, *words: str) -> Look:
    def look(seen: Seen) -> str:
        said = seen.said(kind)
        return "" if all(word in said for word in words) else f"{kind} says: {said or 'nothing'}"

    return look


def _all_served(seen: Seen) -> str:
    served = seen.stage.by_host
    least = min(served.get(place, 0) for place in _PLACES) / max(1, sum(served.values()))
    return "" if least > 0.25 else f"the addresses were served unevenly: {served}"


MACHINE: tuple[Lie, ...] = (
    Lie(
        "40a",
        "a client that keeps its connections, where users are declared to be new; connecting takes 300 ms",
        ("INVALID",),
        ("connections",),
        play=lambda: Play(answers.honest, accept_delay_s=0.3),
        plant="keeping",
        plan={"connections": "new"},
    ),
    Lie(
        "40b",
        "new users pay 1 s for connecting, which a warm pool would hide",
        ("FAIL",),
        ("e2e",),
        play=lambda: Play(answers.honest, accept_delay_s=1.0),
        slos=("e2e p95 <= 800ms",),
        plan={"connections": "new"},
        look=_says("connections", "100%"),
    ),
    Lie(
        "41a",
        "a client that asks the name once and stays at the first of three addresses",
        ("INVALID",),
        ("addresses",),
        play=lambda: Play(answers.honest, hosts=_PLACES),
        plant="keeping",
        host=_NAME,
        apart=_NAMED,
    ),
    Lie(
        "41b",
        "three addresses behind one name: each is loaded",
        ("PASS",),
        play=lambda: Play(answers.honest, hosts=_PLACES),
        slos=("e2e p75 <= 4s",),
        host=_NAME,
        apart=_NAMED,
        look=_all_served,
    ),
    Lie(
        "42",
        "a hundred ephemeral ports, 100/s, answers take 3 s",
        ("INVALID",),
        ("client_failures",),
        play=lambda: Play(answers.late(3.0)),
        rate=100,
        slos=("e2e p95 <= 6s",),
        plan={"deadline": "8s", "idle_limit": "8s", "drain": "5s"},
        apart=Apart(ports="50000 50099"),
        look=_says("client_failures", "client_ports"),
    ),
    Lie(
        "43",
        "64 file descriptors, 100/s, answers take 1 s",
        ("INVALID",),
        ("late_sends",),
        play=lambda: Play(answers.late(1.0)),
        rate=100,
        outcomes=("not_sent",),
        slos=("e2e p95 <= 3s",),
        descriptors=64,
    ),
    Lie(
        "44a",
        "the clock of one of two workers is 30 s ahead, as its Python tells it",
        ("PASS",),
        plant="skewed_clock",
        slos=("e2e p75 <= 4s",),
        plan={"processes": 2},
    ),
    Lie(
        "44b",
        "the clock of one of two workers is 30 s ahead, as its C library tells it",
        ("PASS",),
        plant="skewed_machine",
        lying_clock=True,
        slos=("e2e p75 <= 4s",),
        plan={"processes": 2},
    ),
    Lie(
        "45a",
        "the wall clock jumps an hour ahead and two back, as a worker's Python tells it",
        ("PASS",),
        plant="stepping_clock",
        slos=("e2e p75 <= 4s",),
        seconds=12,
    ),
    Lie(
        "45b",
        "the wall clock jumps an hour ahead and two back, as every process's C library tells it",
        ("INVALID",),
        ("clock",),
        lying_clock=True,
        hand=clocks.step((2.0, 3600), (2.0, -3600)),
        seconds=12,
    ),
    Lie(
        "46a",
        "a path of 2 Mbit/s for 8 Mbit/s of answers, with little room to wait",
        ("INVALID",),
        ("path",),
        play=lambda: Play(answers.bulky(20_000), hosts=(_FAR,)),
        host=_FAR,
        apart=_path_of(30_000),
        look=_says("path", "path-limited"),
    ),
    Lie(
        "46b",
        "the same path with room for all that waits",
        ("INVALID",),
        ("path",),
        play=lambda: Play(answers.bulky(20_000), hosts=(_FAR,)),
        host=_FAR,
        apart=_path_of(3_000_000),
        look=_says("path", "path-limited", "sent again"),
    ),
    Lie(
        "47",
        "the path loses one packet in ten, both ways",
        ("INVALID",),
        ("path",),
        play=lambda: Play(answers.bulky(6_000), hosts=(_FAR,)),
        host=_FAR,
        apart=_LOSSY,
        look=_says("path", "path-limited", "sent again"),
    ),
)
