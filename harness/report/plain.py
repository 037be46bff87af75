"""Text that others said, made harmless for each place it is shown in: terminal, CSV, XML, Markdown. (HTML: the
template engine escapes; it gets `visible` text.)"""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0, DEL and C1: terminal escapes begin here
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # bidi overrides, zero width, line separators
    "\ud800-\udfff\ufffe\uffff]"  # lone surrogates and non-characters: no encoding or XML takes them
)
_BLANKS = re.compile("[ \t\n]+")  # not the thin and no-break spaces: they hold numbers together
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$:])")


def visible(text: str) -> str:
    """`text` with every character that acts but does not show written out (`\\x1b`); tab and newline stay."""
    return _UNSEEN.sub(_written_out, text.replace("\r\n", "\n"))


def line(text: str, limit: int = 300) -> str:
    """`text` on one line of at most `limit` characters, safe to print on a terminal."""
    flat = _BLANKS.sub(" ", visible(text)).strip(" ")
    return flat if len(flat) <= limit else flat[: limit - 1] + "\u2026"


def csv_cell(text: str) -> str:
    """A cell that a spreadsheet shows and does not run (OWASP, "CSV injection"): a leading `= + - @`, also behind
    blanks or quotes, gets an apostrophe in front; plain numbers stay as they are."""
    flat = _BLANKS.sub(" ", visible(text)).strip(" ")
    if flat.lstrip(" '\"").startswith(_FORMULA) and not _NUMBER.fullmatch(flat):
        return "'" + flat
    return flat


def markdown_text(text: str, limit: int = 300) -> str:
    """`text` as literal Markdown on one line: no markup, no HTML, no mention, no table cell break."""
    escaped = _MARKDOWN.sub(r"\\\1", line(text, limit))
    # A platform finds mentions and bare links in the rendered text: a zero-width space takes them apart.
    return escaped.replace("@", "@&#8203;").replace("www.", "www&#8203;.")


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
