"""Locust's own sockets, sealed: see `seal`. The runners of this process are given these in place of theirs."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import zmq.green as zmq
from locust.exception import RPCError, RPCSendError
from locust.rpc.protocol import Message
from locust.rpc.zmqrpc import BaseSocket
from zmq.error import ZMQError

from harness.engine.seal import TO_MASTER, TO_WORKER, FrameError, Seal, admit, unpack

_MAX_FRAME_BYTES = 16 * 1024 * 1024


def _message(kind: object, data: object, node: object) -> Message:
    return Message(kind, data, node)  # type: ignore[no-untyped-call]


def _bytes(message: Message) -> bytes:
    payload: bytes = message.serialize()  # type: ignore[no-untyped-call]
    return payload


class SealedServer(BaseSocket):
    """The master's socket."""

    def __init__(self, host: str, port: int, key: bytes, refused: Callable[[str], None]) -> None:
        super().__init__(zmq.ROUTER, self.ipv4_only(host, port))  # type: ignore[no-untyped-call]
        self.socket.setsockopt(zmq.MAXMSGSIZE, _MAX_FRAME_BYTES)
        self._inward, self._outward = Seal(key, TO_MASTER), Seal(key, TO_WORKER)
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
                sender, kind, data = admit(frames, self._inward)
            except FrameError as problem:
                self._refused(str(problem))
            else:
                return sender, _message(kind, data, sender)


class SealedClient(BaseSocket):
    """A worker's socket; it takes orders from the master that holds the key and from nobody else."""

    def __init__(self, host: str, port: int, identity: str, key: bytes) -> None:
        super().__init__(zmq.DEALER, self.ipv4_only(host, port))  # type: ignore[no-untyped-call]
        self.socket.setsockopt(zmq.MAXMSGSIZE, _MAX_FRAME_BYTES)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.connect(f"tcp://{host}:{port}")
        self._inward, self._outward = Seal(key, TO_WORKER), Seal(key, TO_MASTER)

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
                return _message(*unpack(self._inward.open(data)))
            except FrameError:
                continue


def sealed_rpc(key: bytes, refused: Callable[[str], None]) -> SimpleNamespace:
    """What goes where Locust's runners look for their sockets (`locust.runners.rpc`)."""
    return SimpleNamespace(
        Server=lambda host, port: SealedServer(host, port, key, refused),
        Client=lambda host, port, identity: SealedClient(host, port, identity, key),
    )
