"""Header lines as bytes. `${env:NAME}` is resolved here, in the worker, so that no file of the run holds a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from harness.errors import Problem, RefusedError

_ENV = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def render_headers(headers: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> bytes:
    """`{"authorization": "Bearer ${env:KEY}"}` -> `b"authorization: Bearer sk-...\\r\\n"`.

    Raises RefusedError for a variable that is not set and for what is no header (a line break smuggles another in).
    """
    lines = []
    for name, value in headers.items():
        text = _ENV.sub(lambda match: _resolve(match[1], environment), value)
        if not _NAME.fullmatch(name) or any(c in text for c in "\r\n\0"):
            raise RefusedError(Problem(f"not a header: {name!r}", "a name of letters, a value on one line"))
        lines.append(f"{name}: {text}\r\n")
    return "".join(lines).encode("latin-1", errors="replace")


def _resolve(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "")
    if not value:
        raise RefusedError(Problem(f"the environment variable {name} is not set", f"export {name}=... and run again"))
    return value
