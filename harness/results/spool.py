"""The spool: result rows on disk as they happen, append-only, in blocks that a CRC guards.

    file  = head block*
    head  = b"PKSPOOL\\n" version:u16 row_size:u16 worker:u16 reserved:u16 crc:u32           (20 bytes)
    block = b"PKB1" kind:u8 pad:u8[3] number:u32 count:u32 length:u32 crc:u32 payload[length]

All numbers are little-endian; a block's CRC-32 runs over its header up to the CRC, then over its payload, and `number`
counts from 0, so a flipped bit, a cut byte or a block missing from the middle shows. Kinds: ROWS (RESULT_DTYPE), NAMES
(JSON: what this worker calls its step, degraded, served-by and written-by numbers; always before the first row that
uses them) and END (JSON: how many rows the writer wrote). A file without END was cut, or its worker died.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import orjson

from harness.results.row import RESULT_DTYPE, Catalog, ResultArray, Rows
from harness.results.version import ADVICE, FORMAT, of_format

_HEAD = struct.Struct("<8sHHHHI")
_MAGIC = b"PKSPOOL\n"
_BLOCK = struct.Struct("<4sB3xIIII")
_BLOCK_MAGIC = b"PKB1"
_ROWS, _NAMES, _END = 1, 2, 3
_ROW = struct.Struct("<5q6I3H10B")
assert _ROW.size == RESULT_DTYPE.itemsize
_NAMED = ("steps", "degraded", "served_by", "written_by")
_FIELDS = ("step", "degraded", "served_by", "written_by")
MAX_BLOCK_BYTES = 64 * 1024 * 1024

BLOCK_ROWS = 4096
"""Rows kept in memory at most; a full block is written at once, the others each second."""


class SpoolWriter:
    """Packs rows into one preallocated buffer and appends it to the file as a block.

    The caller flushes each second. After an `OSError` (disk full) nothing more is written: the writer stays `broken`
    and the caller ends the load.
    """

    def __init__(self, path: Path, worker: int, block_rows: int = BLOCK_ROWS) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._buffer = bytearray(_ROW.size * block_rows)
        self._view = memoryview(self._buffer)
        self._used = 0
        self._number = 0
        self._names: dict[str, list[str]] = {}
        self.source: Callable[[], ResultArray] | None = None
        """Gives, and forgets, the rows that its owner keeps until a block is written (at most `MAX_BLOCK_BYTES` of
        them); they follow those that were added one by one."""
        self.written = 0
        """Rows safely handed to the operating system."""
        self.broken = ""
        head = _HEAD.pack(_MAGIC, FORMAT, _ROW.size, worker, 0, 0)[:-4]
        self._write(head + struct.pack("<I", zlib.crc32(head)))

    def add(self, *row: int) -> None:
        """One row, its fields in the order of RESULT_DTYPE. Writes a block when the buffer is full."""
        _ROW.pack_into(self._buffer, self._used, *row)
        self._used += 80
        if self._used == len(self._buffer):
            self.flush()

    def name(self, table: str, names: Sequence[str]) -> None:
        """States what the rows from here on mean by the numbers of `table` (`steps`, `degraded`,
        `served_by` or `written_by`)."""
        assert table in _NAMED, table
        self._names[table] = list(names)
        self.flush()  # rows before it were written under the names before it
        self._block(_NAMES, len(self._names), orjson.dumps(self._names))

    def flush(self) -> None:
        """Writes what is buffered. Raises nothing: a failure is in `broken`."""
        if self._used:
            used, self._used = self._used, 0
            self._rows(self._view[:used])
        if self.source is not None:
            self._rows(self.source().view(np.uint8).data)

    def close(self) -> None:
        """Flushes, writes the end mark and closes. Safe to call twice."""
        if self._fd < 0:
            return
        self.flush()
        if not self.broken:
            self._block(_END, 0, orjson.dumps({"rows": self.written}))
        os.close(self._fd)
        self._fd = -1

    def _rows(self, rows: memoryview) -> None:
        count = len(rows) // _ROW.size
        if count and self._block(_ROWS, count, rows):
            self.written += count

    def _block(self, kind: int, count: int, payload: bytes | memoryview) -> bool:
        header = _BLOCK.pack(_BLOCK_MAGIC, kind, self._number, count, len(payload), 0)[:-4]
        crc = zlib.crc32(payload, zlib.crc32(header))
        self._number += 1
        return self._write(header + struct.pack("<I", crc)) and self._write(payload)

    def _write(self, data: bytes | memoryview) -> bool:
        if self.broken:
            return False
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            self.broken = f"result rows cannot be written: {error.strerror or error}"
            return False
        return True


def read_spools(paths: Sequence[Path], catalog: Catalog) -> Rows:
    """All rows of all workers in `catalog`'s numbers (grown by the names that the workers saw themselves), unsorted.

    Every file is read up to its last good block; what is missing after it is one sentence in `damage`.
    """
    names = {table: list(getattr(catalog, table)) for table in _NAMED}
    parts: list[ResultArray] = []
    damage: list[str] = []
    for path in paths:
        parts += _read_one(path, names, damage)
    array: ResultArray = np.concatenate(parts) if parts else np.empty(0, RESULT_DTYPE)
    grown = {table: tuple(values) for table, values in names.items()}
    full = Catalog(journeys=catalog.journeys, phases=catalog.phases, tenants=catalog.tenants, **grown)
    return Rows(array, full, tuple(damage))


def _read_one(path: Path, names: dict[str, list[str]], damage: list[str]) -> list[ResultArray]:
    try:
        data = path.read_bytes()
    except OSError as error:
        damage.append(f"{path.name}: cannot be read: {error.strerror or error}")
        return []
    parts: list[ResultArray] = []
    try:
        for part in _parts(data, names):
            parts.append(part)  # noqa: PERF402 -- what was read before the damage is kept
    except _DamageError as problem:
        damage.append(f"{path.name}: {problem}; {sum(p.size for p in parts)} rows before it were read")
    return parts


def _parts(data: bytes, names: dict[str, list[str]]) -> Iterator[ResultArray]:
    """The row blocks of one file in the catalog's numbers, up to the first thing that is wrong."""
    worker = _read_head(data)
    tables: dict[str, list[str]] = {}
    count, said = 0, None
    for kind, payload in _blocks(data):
        if kind == _ROWS:
            part = np.frombuffer(payload, RESULT_DTYPE).copy()
            if np.any(part["worker"] != worker):
                raise _DamageError("a block holds another worker's rows")
            _renumber(part, tables, names)
            count += part.size
            yield part
        elif kind == _NAMES:
            tables = orjson.loads(payload)
        else:
            said = orjson.loads(payload)["rows"]
    if said is None:
        raise _DamageError("it ends without its end mark: the file was cut or its worker died")
    if said != count:
        raise _DamageError(f"its end mark counts {said} rows")


class _DamageError(Exception):
    """The rest of the file cannot be trusted."""


def _read_head(data: bytes) -> int:
    if len(data) < _HEAD.size:
        raise _DamageError("it is shorter than a spool's head")
    magic, version, row_size, worker, _, crc = _HEAD.unpack_from(data)
    if magic != _MAGIC or crc != zlib.crc32(data[: _HEAD.size - 4]):
        raise _DamageError("its head is not a spool's head")
    if version != FORMAT or row_size != _ROW.size:
        raise _DamageError(f"{of_format(version)} (rows of {row_size} bytes, here {_ROW.size}): {ADVICE}")
    return int(worker)


def _blocks(data: bytes) -> Iterator[tuple[int, memoryview]]:
    view, at, expected, ended = memoryview(data), _HEAD.size, 0, False
    while at < len(data):
        if ended:
            raise _DamageError(f"{len(data) - at} bytes follow the end mark")
        if len(data) - at < _BLOCK.size:
            raise _DamageError(f"block {expected} is cut")
        magic, kind, number, count, length, crc = _BLOCK.unpack_from(data, at)
        start = at + _BLOCK.size
        if magic != _BLOCK_MAGIC or length > MAX_BLOCK_BYTES:
            raise _DamageError(f"block {expected} does not begin like one")
        if len(data) - start < length:
            raise _DamageError(f"block {expected} is cut")
        payload = view[start : start + length]
        if crc != zlib.crc32(payload, zlib.crc32(view[at : start - 4])):
            raise _DamageError(f"block {expected} does not match its checksum")
        if number != expected or (kind == _ROWS and count * _ROW.size != length):
            raise _DamageError(f"block {number} stands where block {expected} should")
        yield kind, payload
        at, expected, ended = start + length, expected + 1, kind == _END


def _renumber(part: ResultArray, tables: dict[str, list[str]], names: dict[str, list[str]]) -> None:
    """Turns the worker's own numbers into the catalog's, in place; a name seen for the first time is appended."""
    for table, field in zip(_NAMED, _FIELDS, strict=True):
        own = tables.get(table)
        if own is None:
            continue
        known = names[table]
        known += [name for name in own if name not in known]
        lookup = np.array([known.index(name) for name in own], np.int64)
        numbers = part[field].astype(np.int64)
        if part.size and numbers.max() >= lookup.size:
            raise _DamageError(f"a row uses a number that no name of its {table} explains")
        if lookup.size and lookup.max() > 255:
            raise _DamageError(f"more than 256 names in {table}")
        part[field] = lookup[numbers]
