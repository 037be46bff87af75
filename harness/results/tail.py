"""Reading spools while they are written: the live view's eyes. What is damaged is left to the judge to report."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson

from harness.results.row import RESULT_DTYPE, Catalog, ResultArray, Rows
from harness.results.spool import _BLOCK, _BLOCK_MAGIC, _HEAD, _NAMED, _NAMES, _ROWS, MAX_BLOCK_BYTES, _renumber

_READ_BYTES = 8 * 1024 * 1024
"""So much of a file at once: a viewer that fell behind catches up over a few looks, without a pause."""


class SpoolTails:
    """The rows that the workers wrote since the last look, in one catalog's numbers (grown by names seen later)."""

    def __init__(self, paths: Sequence[Path], catalog: Catalog) -> None:
        self._catalog = catalog
        self._names = {table: list(getattr(catalog, table)) for table in _NAMED}
        self._tails = [_Tail(path) for path in paths]

    def read(self) -> Rows:
        """Rows of all whole blocks that are new. Files that are not there yet have none; never raises for a file."""
        parts = [part for tail in self._tails for part in tail.read(self._names)]
        array: ResultArray = np.concatenate(parts) if parts else np.empty(0, RESULT_DTYPE)
        grown = {table: tuple(names) for table, names in self._names.items()}
        known = self._catalog
        return Rows(array, Catalog(journeys=known.journeys, phases=known.phases, tenants=known.tenants, **grown))


class _Tail:
    """A place in one file. After the first thing that is wrong it gives nothing more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = _HEAD.size
        self._tables: dict[str, list[str]] = {}
        self._over = False

    def read(self, names: dict[str, list[str]]) -> list[ResultArray]:
        if self._over:
            return []
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                data = memoryview(file.read(_READ_BYTES))
        except OSError:
            return []
        return self._parts(data, names)

    def _parts(self, data: memoryview, names: dict[str, list[str]]) -> list[ResultArray]:
        parts: list[ResultArray] = []
        at = 0
        while len(data) - at >= _BLOCK.size:
            magic, kind, _, _, length, crc = _BLOCK.unpack_from(data, at)
            payload = data[at + _BLOCK.size : at + _BLOCK.size + length]
            whole = magic == _BLOCK_MAGIC and length <= MAX_BLOCK_BYTES
            if whole and len(payload) < length:
                break  # still being written
            if not whole or crc != zlib.crc32(payload, zlib.crc32(data[at : at + _BLOCK.size - 4])):
                self._over = True
                break
            at += _BLOCK.size + length
            if kind == _NAMES:
                self._tables = orjson.loads(payload)
            elif kind == _ROWS:
                part = np.frombuffer(payload, RESULT_DTYPE).copy()
                _renumber(part, self._tables, names)
                parts.append(part)
        self._at += at
        return parts
