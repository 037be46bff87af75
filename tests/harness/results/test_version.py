from __future__ import annotations

import zlib
from dataclasses import fields

import pytest

from harness.results import FORMAT, RESULT_DTYPE, TELEMETRY_DTYPE, ClockFact, WorkerFact, of_format

RECORDED = (2, "1a29acfb")
"""The format, and a checksum of the fields it stands for."""


def test_fields_that_change_are_another_format() -> None:
    """Where this fails, fields of what a run leaves were changed: raise FORMAT by one and record both here."""
    names = [*RESULT_DTYPE.descr, *TELEMETRY_DTYPE.descr]
    names += [(kind.__name__, field.name) for kind in (WorkerFact, ClockFact) for field in fields(kind)]
    assert (FORMAT, f"{zlib.crc32(repr(names).encode()):08x}") == RECORDED


@pytest.mark.parametrize(("found", "says"), [(1, "format 1,"), (FORMAT + 1, f"format {FORMAT + 1},"), (None, "older")])
def test_both_formats_are_named(found: object, says: str) -> None:
    assert says in of_format(found) and of_format(found).endswith(f"reads {FORMAT}")
