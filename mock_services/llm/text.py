"""What a mock model says, what a prompt says, and how many tokens that is. Seeded: the same prompt, the same "
"answer."""

from __future__ import annotations

import json
import math
import random
import re
import zlib
from collections.abc import Iterator
from typing import Any

_NONCE = re.compile(rb"nonce:[A-Za-z0-9_-]{1,64}")
_WORDS = (  # noqa: SIM905 -- a list of ninety literals reads worse
    "the a your our this that each any order plan account service region request answer limit price date window "
    "change report status store ticket team user page line name step note list value update check close open move "
    "starts ends holds takes gives shows keeps makes needs follows depends arrives remains applies covers includes "
    "is was can may will should must in on at by for with from after before during under over between without "
    "new last first next open free full short long clear safe late early usual daily two three ten and or but so "
    "then when where because while if as than not only also still again soon now here there often always never"
).split()
_SENTENCE = 14
POOL_SIZE = 2039
"""Pieces of text in the pool; a prime, so that neighbouring starts do not fall into step."""


def _build_pool() -> tuple[str, ...]:
    """About a token each: a word with its leading space; a sentence ends now and then."""
    rng = random.Random(20261101)
    pieces = []
    for index in range(POOL_SIZE):
        word = rng.choice(_WORDS)
        pieces.append(f" {word}." if index % _SENTENCE == _SENTENCE - 1 else f" {word}")
    return tuple(pieces)


_WIDE = str.maketrans({"a": "ä", "e": "é", "o": "ő", "i": "ï", "u": "ü", "y": "ÿ", "s": "ſ", "t": "ₜ", ".": "🙂"})
POOL = _build_pool()
POOL_JSON = tuple(piece.encode() for piece in POOL)
"""The same pieces as they stand inside a JSON string: the words need no escapes."""


class Text:
    """An answer of so many pieces. The first says who wrote it, and gives the prompt's nonce back."""

    __slots__ = ("_start", "_wide", "first", "first_json", "length")

    def __init__(self, canary: str, nonce: str, start: int, length: int, is_wide: bool = False) -> None:
        self.first = f"[served-by:{canary}]" + (f" {nonce}" if nonce else "")
        self.first_json = json.dumps(self.first)[1:-1].encode()
        self.length = length
        self._start = start
        self._wide = is_wide

    def piece_json(self, index: int) -> bytes:
        if not index:
            return self.first_json
        piece = POOL_JSON[(self._start + index) % POOL_SIZE]
        return widen(piece.decode()).encode() if self._wide else piece

    def pieces(self) -> Iterator[str]:
        yield self.first
        for index in range(1, self.length):
            piece = POOL[(self._start + index) % POOL_SIZE]
            yield widen(piece) if self._wide else piece

    def whole(self) -> str:
        return "".join(self.pieces())


def widen(piece: str) -> str:
    """The same piece in characters of two, three and four bytes."""
    return piece.translate(_WIDE)


def find_nonce(body: bytes) -> str:
    """The last `nonce:XXXX` of a body: in a conversation, the newest turn's. Empty where there is none."""
    at = body.rfind(b"nonce:")
    match = _NONCE.match(body, at) if at >= 0 else None
    return match.group().decode("ascii") if match else ""


def start_of(body: bytes, seed: int) -> int:
    return zlib.crc32(body, seed & 0xFFFFFFFF)


def natural_length(median: int, sigma: float, start: int) -> int:
    """A lognormal draw that depends on `start` only (and so on prompt and seed)."""
    if sigma <= 0:
        return median
    return max(1, round(median * math.exp(random.Random(start).gauss(0, sigma))))


def estimate_tokens(text: str) -> int:
    """Four characters a token: the estimate providers themselves make before a request runs."""
    return (len(text) + 3) // 4


def text_of(content: Any) -> str:
    """The text in a message's content: a string, or a list of parts of which the textual ones count."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(
            text_of(part.get("text", part.get("content", ""))) for part in content if isinstance(part, dict)
        )
    return ""
