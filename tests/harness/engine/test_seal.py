from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine.seal import MESSAGE, TO_MASTER, TO_WORKER, FrameError, Seal, admit

KEY = b"k" * 32
TICK = {"kind": "tick", "worker": 0}


def sealed(kind: object, data: object, node: object = "w0", key: bytes = KEY) -> list[bytes]:
    return [b"w0", Seal(key, TO_MASTER).close(msgpack.packb((kind, data, node)))]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("client_ready", "2.47.0"),
        ("heartbeat", {"state": "running", "current_cpu_usage": 3.5}),
        ("spawning_complete", {"user_classes_count": {"Carrier": 1}, "user_count": 1}),
        (MESSAGE, TICK),
    ],
)
def test_what_a_worker_says_is_heard(kind: str, data: object) -> None:
    assert admit(sealed(kind, data), Seal(KEY, TO_MASTER)) == ("w0", kind, data)


MALFORMED = {
    "one frame": [b"w0"],
    "three frames": [b"w0", b"", b"x"],
    "empty": [b"w0", b""],
    "short": [b"w0", b"x" * 23],
    "stock client_ready of a ghost": [b"ghost", msgpack.packb(("client_ready", "2.47.0", "ghost"))],
    "another key": sealed(MESSAGE, TICK, key=b"o" * 32),
    "not msgpack": [b"w0", Seal(KEY, TO_MASTER).close(b"\xc1\xc1")],
    "half a msgpack": [b"w0", Seal(KEY, TO_MASTER).close(msgpack.packb((MESSAGE, TICK, "w0"))[:-2])],
    "two values": [b"w0", Seal(KEY, TO_MASTER).close(msgpack.packb(1) * 2)],
    "not a triple": [b"w0", Seal(KEY, TO_MASTER).close(msgpack.packb((1, 2)))],
    "not UTF-8": [b"\xff", Seal(KEY, TO_MASTER).close(msgpack.packb((MESSAGE, TICK, "w0")))],
    "in another's name": sealed(MESSAGE, TICK, node="w1"),
    "unknown type": sealed("locustfile", {"version": "2"}),
    "type is a list": sealed(["x"], None),
    "heartbeat of nothing": sealed("heartbeat", None),
    "heartbeat with a text": sealed("heartbeat", {"state": "running", "current_cpu_usage": "hot"}),
    "ready with a number": sealed("client_ready", -1),
    "own message without a kind": sealed(MESSAGE, {"worker": 0}),
    "the other direction's seal": [b"w0", Seal(KEY, TO_WORKER).close(msgpack.packb((MESSAGE, TICK, "w0")))],
}


@pytest.mark.parametrize("frames", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_frame_is_refused_and_the_listener_lives(frames: list[bytes]) -> None:
    door = Seal(KEY, TO_MASTER)
    with pytest.raises(FrameError):
        admit(frames, door)
    assert admit(sealed(MESSAGE, TICK), door)[2] == TICK


@given(st.lists(st.binary(max_size=80), max_size=4))
def test_no_bytes_raise_anything_else(frames: list[bytes]) -> None:
    with pytest.raises(FrameError):
        admit(frames, Seal(KEY, TO_MASTER))


def test_a_replayed_frame_is_refused() -> None:
    door, frames = Seal(KEY, TO_MASTER), sealed(MESSAGE, TICK)
    admit(frames, door)
    with pytest.raises(FrameError, match="sent before"):
        admit(frames, door)


def test_an_older_frame_after_a_newer_is_refused() -> None:
    sender, door = Seal(KEY, TO_MASTER), Seal(KEY, TO_MASTER)
    first, second = (sender.close(msgpack.packb((MESSAGE, TICK, "w0"))) for _ in range(2))
    admit([b"w0", second], door)
    with pytest.raises(FrameError, match="sent before"):
        admit([b"w0", first], door)


@given(st.integers(min_value=0), st.integers(0, 7))
def test_any_flipped_bit_breaks_the_seal(at: int, bit: int) -> None:
    frame = bytearray(sealed(MESSAGE, TICK)[1])
    frame[at % len(frame)] ^= 1 << bit
    with pytest.raises(FrameError):
        admit([b"w0", bytes(frame)], Seal(KEY, TO_MASTER))
