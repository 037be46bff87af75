"""Prompts of a given size, unique for each arrival, drawn from the seed: caches must not flatter the target.

Every prompt begins with its arrival's nonce, so no two share a prefix longer than the template; the rest is a slice of
a text of common English words, about four characters a token as English is. Or, with a file of prompts, those.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from harness.errors import Problem, UsageError

CHARS_PER_TOKEN = 4
_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15
_PROMPTS = 0x70726F6D707473
_CORPUS_BYTES = 1 << 18
_VECTORS = 64
_DIMENSIONS = 256

_WORDS = (
    "the of and to in is that for it with as was on are by this be at from or an have not they which one you were all "
    "her she there would their we him been has when who will more no if out so said what up its about into than them "
    "can only other new some could time these two may then do first any my now such like our over man me even most "
    "made after also did many before must through back years where much your way well down should because each just "
    "those people too little state good very make world still own see men work long here get both between life being "
    "under never day same another know while last might us great old year off come since against go came right used "
    "take three small set put end does however invoice refund order account delivery contract policy summary report "
    "question answer please explain compare list change update error system customer product price date number"
)


def mix(seed: int, number: int) -> int:
    """A 64-bit hash (SplitMix64's finaliser): for one seed, different numbers never collide."""
    z = (seed + (number + 1) * _GAMMA) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class Prompts:
    """Texts and vectors by arrival number. All bytes are JSON string contents: already escaped, without quotes."""

    def __init__(self, seed: int, texts: Sequence[str] = ()) -> None:
        self._seed = mix(seed, _PROMPTS)  # a stream of its own: prompts do not follow the arrivals' draw
        self._texts = [orjson.dumps(text)[1:-1] for text in texts]
        rng, choice = random.Random(self._seed), _WORDS.split()
        size, words = 0, []
        while size < _CORPUS_BYTES:
            words.append(rng.choice(choice))
            size += len(words[-1]) + 1
        self._corpus = " ".join(words).encode()
        self._vectors = [
            orjson.dumps([round(rng.uniform(-1, 1), 4) for _ in range(_DIMENSIONS)]) for _ in range(_VECTORS)
        ]

    def nonce(self, seq: int) -> bytes:
        """16 hexadecimal digits, unique in the run."""
        return b"%016x" % mix(self._seed, seq)

    def text(self, seq: int, tokens: int) -> bytes:
        """About `tokens` tokens (at least the nonce's own four); from the file of prompts if there is one."""
        draw = mix(self._seed, seq)
        if self._texts:
            return self._texts[draw % len(self._texts)]
        need = tokens * CHARS_PER_TOKEN - 17
        if need <= 0:
            return b"%016x" % draw
        at = draw % (_CORPUS_BYTES // 2)
        parts = [b"%016x " % draw]
        while need > 0:
            part = self._corpus[at : at + need]
            parts.append(part)
            need -= len(part)
            at = 0
        return b"".join(parts)

    def vector(self, seq: int) -> bytes:
        """A JSON array of 256 numbers, one of 64."""
        return self._vectors[mix(self._seed, seq) % _VECTORS]


def prompt_numbers(seed: int, path: Path, count: int) -> npt.NDArray[np.uint32]:
    """Which prompt of the file each of `count` arrivals carries: equal numbers, equal texts. Shape (count,)."""
    texts = read_prompts(path)
    known = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    of_line = [known[text] for text in texts]
    stream = mix(seed, _PROMPTS)
    return np.array([of_line[mix(stream, seq) % len(of_line)] for seq in range(count)], dtype=np.uint32)


def read_prompts(path: Path) -> list[str]:
    """The prompts of a JSONL file: one JSON string, or one object with `prompt` or `text`, a line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(Problem(f"prompts cannot be read: {error.strerror}", "give a JSONL file", str(path))) from None
    prompts = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise UsageError(Problem(f"not JSON: {error}", "one JSON value a line", str(path), number)) from None
        text = value.get("prompt", value.get("text")) if isinstance(value, dict) else value
        if not isinstance(text, str) or not text:
            what = "no prompt in this line"
            raise UsageError(Problem(what, 'write "text" or {"prompt": "text"}', str(path), number))
        prompts.append(text)
    if not prompts:
        raise UsageError(Problem("no prompts in it", "one a line", str(path)))
    return prompts
