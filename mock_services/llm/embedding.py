"""Embeddings that mean something: a hashed bag of words, so texts that share words are near each other."""

from __future__ import annotations

import base64
import re
import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_ROWS = 4096
_WORD = re.compile(r"[a-z0-9]+")


@lru_cache(maxsize=4)
def _table(dimensions: int) -> NDArray[np.float32]:
    """A random direction for each word hash; the same in every process."""
    rng = np.random.default_rng(dimensions)
    return rng.standard_normal((_ROWS, dimensions), dtype=np.float32)


def embed(text: str, dimensions: int) -> NDArray[np.float32]:
    """A unit vector. A text without words gets the direction of its bytes."""
    words = _WORD.findall(text.lower()[:8192]) or [text]
    rows = [zlib.crc32(word.encode("utf-8", "surrogatepass")) % _ROWS for word in words]
    total: NDArray[np.float32] = _table(dimensions)[rows].sum(axis=0)
    return total / np.float32(np.linalg.norm(total) or 1.0)


def as_base64(vector: NDArray[np.float32]) -> str:
    """Little-endian float32, as the official SDK asks for by default."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
