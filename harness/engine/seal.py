"""The seal on Locust's wire: what the master may hear, decided before Locust sees it. Pure: no socket, no Locust.

Locust's master believes whoever connects, and a malformed frame ends its listener. Here a frame that does not hold is
refused: a wrong key, a replayed or duplicated frame, a sender that is not who it says, bytes that do not parse, or one
that no worker has reason to send or whose fields are not of their kind.

    frame = digest:16 (BLAKE2b keyed by the run) number:8 payload (Locust's msgpack)
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import time
from collections.abc import Callable
from typing import Any

import msgpack  # type: ignore[import-untyped]

MESSAGE = "peakproof"
"""The type of all of the engine's own messages."""
_DIGEST = 16
_NUMBER = struct.Struct("<Q")
TO_MASTER, TO_WORKER = b"to master", b"to worker"


class FrameError(Exception):
    """A frame that is refused, with the reason."""


class Seal:
    """Closes and opens the frames of one direction."""

    def __init__(self, key: bytes, direction: bytes) -> None:
        self._key = key
        self._direction = direction
        self._last_sent = 0
        self._last_seen: dict[bytes, int] = {}

    def close(self, payload: bytes) -> bytes:
        # Numbers begin at the clock, so that a socket made anew (a reconnect) goes on above where it was.
        self._last_sent = max(self._last_sent + 1, time.monotonic_ns())
        number = _NUMBER.pack(self._last_sent)
        return self._digest(number, payload) + number + payload

    def open(self, frame: bytes, sender: bytes = b"") -> bytes:
        """The payload; raises FrameError when the seal does not hold or its number was seen before from this sender."""
        if len(frame) < _DIGEST + _NUMBER.size:
            raise FrameError("a frame too short to be sealed")
        digest, number, payload = frame[:_DIGEST], frame[_DIGEST : _DIGEST + 8], frame[_DIGEST + 8 :]
        if not hmac.compare_digest(digest, self._digest(number, payload)):
            raise FrameError("a frame without this run's key")
        count = int(_NUMBER.unpack(number)[0])
        if count <= self._last_seen.get(sender, 0):
            raise FrameError("a frame that was sent before (replayed or duplicated)")
        self._last_seen[sender] = count
        return payload

    def _digest(self, number: bytes, payload: bytes) -> bytes:
        return hashlib.blake2b(number + payload, key=self._key, digest_size=_DIGEST, person=self._direction).digest()


def _is_heartbeat(data: Any) -> bool:
    return (
        isinstance(data, dict)
        and isinstance(data.get("state"), str)
        and isinstance(data.get("current_cpu_usage"), int | float)
    )


def _has_classes(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("user_classes_count"), dict)


def _has_kind(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("kind"), str) and isinstance(data.get("worker"), int)


_FROM_WORKERS: dict[str, Callable[[Any], bool]] = {
    "client_ready": lambda data: isinstance(data, str),
    "client_stopped": lambda _: True,
    "heartbeat": _is_heartbeat,
    "stats": _has_classes,
    "spawning": lambda _: True,
    "spawning_complete": _has_classes,
    "exception": lambda data: isinstance(data, dict) and {"msg", "traceback"} <= data.keys(),
    "logs": lambda data: isinstance(data, dict),
    "quit": lambda _: True,
    MESSAGE: _has_kind,
}


def unpack(payload: bytes) -> tuple[Any, Any, Any]:
    """(type, data, node) of one Locust message. Raises FrameError for all other bytes."""
    try:
        kind, data, node = msgpack.unpackb(payload, raw=False, strict_map_key=False)
    except Exception as error:  # msgpack raises many kinds; none of them may end a listener
        raise FrameError(f"a message that does not parse ({type(error).__name__})") from None
    return kind, data, node


def admit(frames: list[bytes], seal: Seal) -> tuple[str, str, Any]:
    """What the master may hear: (sender, type, data). Raises FrameError, and nothing else, for all other bytes."""
    if len(frames) != 2:
        raise FrameError(f"a message of {len(frames)} frames")
    identity, frame = frames
    kind, data, node = unpack(seal.open(frame, identity))
    sender = identity.decode(errors="replace")
    if node != sender:
        raise FrameError("a message in another worker's name")
    fits = _FROM_WORKERS.get(kind) if isinstance(kind, str) else None
    if fits is None or not fits(data):
        raise FrameError(f"a message of an unknown kind ({kind!r:.40})")
    return sender, kind, data
