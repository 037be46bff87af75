"""What a journey knows about the arrival that it serves."""

from __future__ import annotations

import orjson

from harness.engine.journeys.prompts import Prompts
from harness.engine.share import Share


class Arrival:
    """One planned arrival. Texts are made when asked for."""

    __slots__ = ("_prompts", "seq", "tenant", "tokens_in", "tokens_out")

    def __init__(self, prompts: Prompts, seq: int, tokens_in: int, tokens_out: int, tenant: int = 0) -> None:
        self._prompts = prompts
        self.seq = seq
        self.tokens_in = tokens_in
        """Prompt tokens that the plan drew for it."""
        self.tokens_out = tokens_out
        """Output tokens to ask for; 0 leaves it to the target."""
        self.tenant = tenant

    @property
    def prompt(self) -> str:
        """A prompt of about `tokens_in` tokens, unique in the run."""
        text: str = orjson.loads(b'"' + self.prompt_json + b'"')
        return text

    @property
    def prompt_json(self) -> bytes:
        """The same as the inside of a JSON string."""
        return self._prompts.text(self.seq, self.tokens_in)

    @property
    def nonce(self) -> str:
        """Sixteen hexadecimal digits, unique in the run; put it in the request and expect it in the answer."""
        return self._prompts.nonce(self.seq).decode()

    @property
    def nonce_bytes(self) -> bytes:
        return self._prompts.nonce(self.seq)

    @property
    def embedding(self) -> list[float]:
        """A vector of 256 numbers."""
        vector: list[float] = orjson.loads(self.embedding_json)
        return vector

    @property
    def embedding_json(self) -> bytes:
        return self._prompts.vector(self.seq)


class Due(Arrival):
    """An arrival of a share. What the plan drew for it is read when the journey asks: most ask for little of it."""

    __slots__ = ("_index", "_share")

    def __init__(self, prompts: Prompts, seq: int, share: Share, index: int) -> None:
        self._prompts = prompts
        self.seq = seq
        self._share = share
        self._index = index

    @property
    def tokens_in(self) -> int:  # type: ignore[override]
        return self._share.tokens_in[self._index]

    @property
    def tokens_out(self) -> int:  # type: ignore[override]
        return self._share.tokens_out[self._index]

    @property
    def tenant(self) -> int:  # type: ignore[override]
        return self._share.tenant[self._index]
