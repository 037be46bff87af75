"""Content encodings, undone piece by piece and never beyond a cap: a bomb is cut, a short end is seen. No I/O."""

from __future__ import annotations

import zlib

_AUTO = 32 + zlib.MAX_WBITS  # gzip or zlib by the first bytes
_RAW = -zlib.MAX_WBITS


class BadEncodingError(Exception):
    """The bytes are not what the header says, or the encoding is one nobody asked for."""


class TooLargeError(Exception):
    """More decoded bytes than the cap."""


class Inflater:
    """Undoes gzip (several members in a row included) or deflate (zlib's, or raw as some servers send it)."""

    __slots__ = ("_deflate", "_head", "_inner", "_limit", "_padded", "_touched", "decoded_bytes")

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise BadEncodingError(encoding)
        self._deflate = encoding == "deflate"
        self._inner = zlib.decompressobj(_AUTO)
        self._limit = limit_bytes
        self._head = b""
        """The first two bytes of a deflate body: enough to tell zlib's form from the raw one."""
        self._padded = False
        self._touched = False
        self.decoded_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """The bytes that `data` decodes to. Raises BadEncodingError, TooLargeError."""
        self._touched = self._touched or bool(data)
        if self._deflate:
            data = self._choose_form(data)
        out: list[bytes] = []
        while data:
            if self._inner.eof:
                if self._padded or data[0] != 0x1F:
                    self._padded = True  # not another gzip member: padding, which says nothing
                    break
                self._inner = zlib.decompressobj(_AUTO)
            try:
                piece = self._inner.decompress(data, self._limit - self.decoded_bytes + 1)
            except zlib.error as error:
                raise BadEncodingError(str(error)) from error
            self.decoded_bytes += len(piece)
            if self.decoded_bytes > self._limit:
                raise TooLargeError
            out.append(piece)
            data = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail
        return b"".join(out)

    @property
    def complete(self) -> bool:
        """The encoding's own trailer was seen (or there was no body at all)."""
        return self._inner.eof or not self._touched

    def _choose_form(self, data: bytes) -> bytes:
        """Hold the first two bytes back, then say whether they are a zlib header (RFC 1950, 2.2)."""
        data = self._head + data
        if len(data) < 2:
            self._head = data
            return b""
        self._deflate, self._head = False, b""
        if data[0] & 0x0F != 8 or (data[0] * 256 + data[1]) % 31:
            self._inner = zlib.decompressobj(_RAW)
        return data
