"""TLS over memory buffers: bytes in, bytes out, no socket. One context for all connections, one channel for each."""

from __future__ import annotations

import ssl
from typing import Any

import certifi
from gevent import monkey

from harness.errors import Problem, UsageError

_READ_BYTES = 65536


def client_context(ca_file: str = "") -> Any:
    """Certificates and host names are checked, always; `ca_file` adds authorities of one's own. Raises UsageError.

    The class is the standard one even where gevent has patched the module: its replacement would wait on sockets.
    """
    context = monkey.get_original("ssl", "SSLContext")(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certifi.where())
    context.set_default_verify_paths()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(Problem(f"the CA file cannot be read: {error}", "it must be PEM", file=ca_file)) from error
    return context


class TlsChannel:
    """One connection's TLS. Whatever waits in `take_output()` after a call must be sent."""

    __slots__ = ("_incoming", "_outgoing", "_session", "closed", "open")

    def __init__(self, context: Any, host: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.open = False
        """The handshake is over."""
        self.closed = False
        """The peer said, in TLS's own way, that it is done."""

    def handshake(self) -> None:
        """Go as far as the bytes at hand allow. Raises ssl.SSLError: the peer is not who it should be, or no TLS."""
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.open = True

    def receive(self, data: bytes) -> bytes:
        """Ciphertext in, plain bytes out. Raises ssl.SSLError."""
        self._incoming.write(data)
        if not self.open:
            self.handshake()
            if not self.open:
                return b""
        pieces = []
        while True:
            try:
                piece = self._session.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                piece = b""
            if not piece:
                self.closed = True
                break
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def encrypt(self, data: bytes) -> bytes:
        self._session.write(data)
        return self.take_output()

    def take_output(self) -> bytes:
        return self._outgoing.read() if self._outgoing.pending else b""
