"""Random streams by purpose: drawing one more prompt size must never move an arrival."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The generator of one purpose (`arrivals`, `levels`, `journeys`, `tokens`, ...) under a run's seed >= 0."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(purpose.encode()),))))
