"""Answers given before, kept for when no model can be reached. Exact questions only: a near match is another one."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    text: str
    model: str
    kept_at_s: float


class AnswerCache:
    """The `entries` least long unused answers, none older than `keep_s` seconds."""

    def __init__(self, entries: int, keep_s: float, clock: Callable[[], float]) -> None:
        self._entries = entries
        self._keep_s = keep_s
        self._clock = clock
        self._answers: OrderedDict[bytes, CachedAnswer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def put(self, key: bytes, text: str, model: str) -> None:
        self._answers[key] = CachedAnswer(text, model, self._clock())
        self._answers.move_to_end(key)
        if len(self._answers) > self._entries:
            self._answers.popitem(last=False)

    def get(self, key: bytes) -> CachedAnswer | None:
        answer = self._answers.get(key)
        if answer is None:
            return None
        if self._clock() - answer.kept_at_s > self._keep_s:
            del self._answers[key]
            return None
        self._answers.move_to_end(key)
        return answer


def cache_key(parts: Sequence[str]) -> bytes:
    """A digest of the conversation: case and white space do not matter, anything else does."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(" ".join(part.split()).casefold().encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.digest()
