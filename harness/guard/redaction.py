"""Keeping secrets out of everything that is printed or stored."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "[redacted]"

# A name that says "secret", then its value, in headers, JSON, YAML, query strings and command lines alike. What stands
# before the word in the name does not matter. Repeats are bounded: a hostile text must not cost quadratic time.
_NAME = (
    r"authorization|cookie|api[_-]?key|secret[\w-]{0,40}|password|passwd|"
    r"(?:access|auth|session|refresh|bearer|id|csrf|[a-z0-9]_)[_-]?token"
)
_NAMED = re.compile(
    rf"(?P<head>(?:{_NAME})[\"']?\s{{0,20}}[:=]\s{{0,20}})"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"|'[^']*'|[\[({]?(?:(?:bearer|basic|token|digest)\s+)?(?:\$\{env:\w+\}|[^\s,;&\"'}\])])+)",
    re.IGNORECASE,
)
# Words that mean other things too ("time per output token: 13 ms"): only a value that looks like a key is one.
_LOOSELY_NAMED = re.compile(
    r"(?P<head>(?<![a-z])(?:token|sig|signature)[\"']?\s{0,20}[:=]\s{0,20}[\"']?)"
    r"(?P<value>(?=[A-Za-z._~+/-]{0,200}\d)[A-Za-z0-9._~+/=-]{12,})",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"(?P<head>\b(?:bearer|basic)\s+)(?P<value>[A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE)
_USERINFO = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]{0,30}://)(?P<value>[^\s/@]+)@", re.IGNORECASE)
# Keys that are recognised by how they look, wherever they stand.
_SHAPES = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|pk-[A-Za-z0-9_-]{16,}|gsk_[A-Za-z0-9]{16,}|xai-[A-Za-z0-9]{16,}|hf_[A-Za-z0-9]{16,}|"
    r"AKIA[A-Z0-9]{12,}|ASIA[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{30,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|"
    r"glpat-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk_(?:live|test)_[A-Za-z0-9]{16,}|pcsk_[A-Za-z0-9_]{16,}|"
    r"eyJ[A-Za-z0-9_-]{4,1024}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
# What may stand beside the mask or a reference without being a secret itself; `...` stands for one to be filled in.
_HARMLESS = re.compile(
    rf"\$\{{env:[A-Za-z_][A-Za-z0-9_]*\}}|{re.escape(MASK[:-1])}\]?|(?:bearer|basic|token|digest)\s|\.\.\.|[\s\"'\[({{]",
    re.I,
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with every secret masked: named values, credentials in URLs, known key shapes, and `secrets` themselves.

    A reference such as `${env:OPENAI_API_KEY}` names a secret and is none, so it stays. Idempotent.
    """
    for secret in sorted({s for s in secrets if len(s) >= 4}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _PRIVATE_KEY.sub(MASK, text)
    text = _USERINFO.sub(lambda m: f"{m['head']}{MASK}@", text)
    text = _NAMED.sub(_mask_value, text)
    text = _LOOSELY_NAMED.sub(_mask_value, text)
    text = _SCHEME.sub(_mask_value, text)
    return _SHAPES.sub(MASK, text)


def _mask_value(match: re.Match[str]) -> str:
    value = match["value"]
    if not _HARMLESS.sub("", value):
        return match[0]
    quote = value[0] if value[0] in "\"'" and value[-1] == value[0] else ""
    return f"{match['head']}{quote}{MASK}{quote}"
