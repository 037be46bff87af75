"""Encodings: any split decodes the same, bombs are cut before they are held, a short end is never complete."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine.transport.body import BadEncodingError, Inflater, TooLargeError

FORMS = {
    "gzip": ("gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "raw": ("deflate", lambda data: zlib.compress(data)[2:-4]),
    "members": ("gzip", lambda data: gzip.compress(data[:3]) + gzip.compress(data[3:]) + b"\0\0"),
}


@pytest.mark.parametrize("form", FORMS)
@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 300), max_size=8))
def test_any_split_decodes_the_same_and_any_cut_is_incomplete(form: str, data: bytes, cuts: list[int]) -> None:
    encoding, encode = FORMS[form]
    whole = encode(data)
    inflater = Inflater(encoding, 1000)
    edges = [0, *sorted(min(c, len(whole)) for c in cuts), len(whole)]
    assert b"".join(inflater.feed(whole[a:b]) for a, b in itertools.pairwise(edges)) == data
    assert inflater.complete
    cut = Inflater(encoding, 1000)
    end = len(whole) - 1 if form != "members" else len(whole) - 3
    cut.feed(whole[:end])
    assert not cut.complete


def test_a_bomb_is_cut_without_being_held() -> None:
    bomb = gzip.compress(b"\0" * 300_000_000, compresslevel=9)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            Inflater("gzip", 1_000_000).feed(bomb)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_what_is_not_the_encoding_is_said() -> None:
    for encoding in ("br", "zstd", "gzip, gzip", ""):
        with pytest.raises(BadEncodingError):
            Inflater(encoding, 10)
    for encoding in ("gzip", "deflate"):
        with pytest.raises(BadEncodingError):
            Inflater(encoding, 1000).feed(b"\xff\xff\xff plain text")


def test_no_body_at_all_is_complete() -> None:
    assert Inflater("gzip", 10).complete
