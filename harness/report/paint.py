"""Terminal colours, or none: the meaning is always in the words and signs too."""

from __future__ import annotations

from dataclasses import dataclass

_CODES = {
    "PASS": "32",
    "MET": "32",
    "FAIL": "31",
    "MISSED": "31",
    "INCONCLUSIVE": "33",
    "UNDECIDED": "33",
    "NO_DATA": "33",
    "INVALID": "35",
    "dim": "2",
}


@dataclass(frozen=True)
class Paint:
    """`Paint(False)` changes nothing."""

    on: bool

    def tone(self, text: str, tone: str) -> str:
        return self._wrap(text, _CODES.get(tone, "")) if text else text

    def label(self, text: str) -> str:
        return self._wrap(text, "1") if text.strip() else text

    def lead(self, text: str, tone: str) -> str:
        """The first word in the tone's colour, bold."""
        code = _CODES.get(tone, "")
        head, blank, rest = text.partition(" ")
        return (self._wrap(head, f"1;{code}") if code else head) + blank + rest

    def _wrap(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and code else text
