"""Locust's own wire, sealed: every frame between master and workers carries a keyed digest and an ascending number.

Locust's master believes whoever connects, and a malformed frame ends its listener. Here a frame that does not hold is
refused and noted before Locust sees it: a wrong key, a replayed or duplicated frame, a sender that is not who it says,
bytes that do not parse, a message that no worker has reason to send or whose fields are not of their kind.

    frame = digest:16 (BLAKE2b keyed by the run) number:8 payload (Locust's msgpack)
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgpack  # type: ignore[import-untyped]
import zmq.green as zmq
from locust.exception import RPCError, RPCSendError
from locust.rpc.protocol import Message
from locust.rpc.zmqrpc import BaseSocket
from zmq.error import ZMQError

MESSAGE = "peakproof"
"""The type of all of the engine's own messages."""
_DIGEST = 16
_NUMBER = struct.Struct("<Q")
_MAX_FRAME_BYTES = 16 * 1024 * 1024
_TO_MASTER, _TO_WORKER = b"to master", b"to worker"


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


def admit(frames: list[bytes], seal: Seal) -> tuple[str, Message]:
    """What the master may hear: (sender, message). Raises FrameError, and nothing else, for all other bytes."""
    if len(frames) != 2:
        raise FrameError(f"a message of {len(frames)} frames")
    identity, frame = frames
    payload = seal.open(frame, identity)
    try:
        sender = identity.decode()
        message = _parse(payload)
    except Exception as error:  # msgpack, UTF-8 and Locust's own decoding raise many kinds; none may end the listener
        raise FrameError(f"a message that does not parse ({type(error).__name__})") from None
    if message.node_id != sender:
        raise FrameError("a message in another worker's name")
    fits = _FROM_WORKERS.get(message.type) if isinstance(message.type, str) else None
    if fits is None or not fits(message.data):
        raise FrameError(f"a message of an unknown kind ({message.type!r:.40})")
    return sender, message


def _parse(payload: bytes) -> Message:
    message: Message = Message.unserialize(payload)  # type: ignore[no-untyped-call]
    return message


def _bytes(message: Message) -> bytes:
    payload: bytes = message.serialize()  # type: ignore[no-untyped-call]
    return payload


class SealedServer(BaseSocket):
    """The master's socket."""

    def __init__(self, host: str, port: int, key: bytes, refused: Callable[[str], None]) -> None:
        super().__init__(zmq.ROUTER, self.ipv4_only(host, port))  # type: ignore[no-untyped-call]
        self.socket.setsockopt(zmq.MAXMSGSIZE, _MAX_FRAME_BYTES)
        self._inward, self._outward = Seal(key, _TO_MASTER), Seal(key, _TO_WORKER)
        self._refused = refused
        if port == 0:
            self.port = self.socket.bind_to_random_port(f"tcp://{host}")
        else:
            try:
                self.socket.bind(f"tcp://{host}:{port}")
            except ZMQError as error:
                raise RPCError(f"Socket bind failure: {error}") from error
            self.port = port

    def send_to_client(self, msg: Message) -> None:
        try:
            self.socket.send_multipart([msg.node_id.encode(), self._outward.close(_bytes(msg))])
        except ZMQError as error:
            raise RPCSendError("ZMQ sent failure") from error

    def recv_from_client(self) -> tuple[str, Message]:
        while True:
            try:
                frames = self.socket.recv_multipart()
            except ZMQError as error:
                raise RPCError("ZMQ network broken") from error
            try:
                return admit(frames, self._inward)
            except FrameError as problem:
                self._refused(str(problem))


class SealedClient(BaseSocket):
    """A worker's socket; it takes orders from the master that holds the key and from nobody else."""

    def __init__(self, host: str, port: int, identity: str, key: bytes) -> None:
        super().__init__(zmq.DEALER, self.ipv4_only(host, port))  # type: ignore[no-untyped-call]
        self.socket.setsockopt(zmq.MAXMSGSIZE, _MAX_FRAME_BYTES)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.connect(f"tcp://{host}:{port}")
        self._inward, self._outward = Seal(key, _TO_WORKER), Seal(key, _TO_MASTER)

    def send(self, msg: Message) -> None:
        try:
            self.socket.send(self._outward.close(_bytes(msg)), zmq.NOBLOCK)
        except ZMQError as error:
            raise RPCSendError("ZMQ sent failure") from error

    def recv(self) -> Message:
        while True:
            try:
                data = self.socket.recv()
            except ZMQError as error:
                raise RPCError("ZMQ network broken") from error
            try:
                return _parse(self._inward.open(data))
            except (FrameError, ValueError, TypeError, msgpack.exceptions.UnpackException):
                continue


def sealed_rpc(key: bytes, refused: Callable[[str], None]) -> SimpleNamespace:
    """What goes where Locust's runners look for their sockets (`locust.runners.rpc`)."""
    return SimpleNamespace(
        Server=lambda host, port: SealedServer(host, port, key, refused),
        Client=lambda host, port, identity: SealedClient(host, port, identity, key),
    )
