"""Which journey a logged request belongs to: by the name in the log, or by its path.

`chat=/v1/chat/*` says that a path of that form is of the journey `chat`; the first one that matches counts. A request
of no journey is load that no run will send, so it is left out and reported. Without such a map the well-known paths of
model APIs name the built-in kinds, if they explain every request; else nothing is said of journeys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from glob import escape
from urllib.parse import urlsplit

import numpy as np

from harness.errors import Problem, UsageError
from harness.forecast.history import Issue, Paths, Rows

MOST_JOURNEYS = 255
_MOST_SHOWN = 5
Patterns = Sequence[tuple[str, str]]
"""(journey, pattern of paths with `*` and `?`), the first match first."""

WELL_KNOWN: Patterns = (
    ("embed", "*/embeddings"), ("embed", "*:embedContent"), ("embed", "*:batchEmbedContents"),
    ("chat", "*/completions"), ("chat", "*/responses"), ("chat", "*/messages"),
    ("chat", "*:generateContent"), ("chat", "*:streamGenerateContent"),
    ("search", "*/points/query"), ("search", "*/points/search"), ("tool", "*/tools/*"),
)  # fmt: skip
"""Paths that say what they are, whoever serves them."""


def path_of(target: str) -> str:
    """The path of `/v1/chat?x=1`, `https://host/v1/chat` or `POST /v1/chat HTTP/1.1`: `/v1/chat`."""
    words = target.split()
    if len(words) >= 2 and words[0].isalpha() and words[0].isupper():
        target = words[1]
    try:
        return urlsplit(target).path if "://" in target else target.partition("?")[0].partition("#")[0]
    except ValueError:
        return ""


def parse_patterns(texts: Iterable[str]) -> Patterns:
    """`chat=/v1/chat/*` as (journey, pattern). Raises UsageError."""
    found = []
    for text in texts:
        name, equals, pattern = text.partition("=")
        if not (equals and name.strip() and pattern.strip()):
            raise UsageError(Problem(f"--journey {text!r}", "NAME=PATTERN, like chat='/v1/chat/*'"))
        found.append((name.strip(), pattern.strip()))
    if len({name for name, _ in found}) > MOST_JOURNEYS:
        raise UsageError(Problem(f"more than {MOST_JOURNEYS} journeys", "fewer of them"))
    return tuple(found)


def with_journeys(rows: Rows, asked: Patterns, name: str) -> Rows:
    """`rows` with their journeys, where their paths tell; those of none left out and reported where `asked` says which
    ones there are. Raises UsageError where `asked` cannot be followed."""
    labels = rows.paths
    if labels is None:
        if asked:
            raise UsageError(
                Problem("this history names no paths", "--journey needs an access log or JSON lines", name)
            )
        return rows
    if labels.named and not asked:
        asked = tuple((text, escape(text)) for text in dict.fromkeys(labels.paths))
        if len(asked) > MOST_JOURNEYS:
            raise UsageError(Problem(f"{len(asked)} names of journeys", "--journey NAME=PATTERN groups them", name))
        return _mapped(rows, labels, asked)
    if asked:
        return _left_out(_mapped(rows, labels, asked), labels, name)
    found = _mapped(rows, labels, WELL_KNOWN)
    assert found.journeys is not None
    if (found.journeys < len(found.journey_names)).all():
        said = "journeys taken from the paths: " + _shares(found.journey_names[i] for i in found.journeys)
        return replace(found, findings=(*rows.findings, f"{said} (--journey NAME=/path/* says otherwise)"))
    said = f"paths: {_shares(labels.paths)}; --journey NAME=/path/* makes a mix of journeys of them"
    return replace(rows, findings=(*rows.findings, said))


def _mapped(rows: Rows, labels: Paths, patterns: Patterns) -> Rows:
    """Journey of each row; `len(journey_names)` where none matches. Journeys that no row is of are not named."""
    names = tuple(dict.fromkeys(name for name, _ in patterns))
    of_path = {path: _match(path, patterns, names) for path in dict.fromkeys(labels.paths)}
    index = np.array([of_path[path] for path in labels.paths], dtype=np.int64)
    there = np.flatnonzero(np.bincount(index, minlength=len(names) + 1)[: len(names)])
    number = np.full(len(names) + 1, there.size, dtype=np.uint8)
    number[there] = np.arange(there.size)
    return replace(rows, journeys=number[index], journey_names=tuple(names[i] for i in there))


def _match(path: str, patterns: Patterns, names: tuple[str, ...]) -> int:
    return next((names.index(name) for name, pattern in patterns if fnmatchcase(path, pattern)), len(names))


def _left_out(rows: Rows, labels: Paths, name: str) -> Rows:
    assert rows.journeys is not None
    kept = rows.journeys < len(rows.journey_names)
    if kept.all():
        return rows
    strangers = [path for path, known in zip(labels.paths, kept, strict=True) if not known]
    what = f"path of no journey: {_shares(strangers)}"
    if not kept.any():
        raise UsageError(Problem("no request is of a journey that --journey names", what, name))
    issue = Issue("unmapped", len(strangers), int(rows.lines[~kept][0]), what)
    return replace(
        rows,
        times_ns=rows.times_ns[kept],
        lines=rows.lines[kept],
        tokens=None if rows.tokens is None else rows.tokens[kept],
        journeys=rows.journeys[kept],
        paths=None,
        issues=(*rows.issues, issue),
    )


def _shares(labels: Iterable[str]) -> str:
    counts = Counter(labels)
    total = counts.total()
    shown = [f"{label[:60] or '(none)'} {100 * n / total:.3g} %" for label, n in counts.most_common(_MOST_SHOWN)]
    return ", ".join(shown) + (f" and {len(counts) - _MOST_SHOWN} more" if len(counts) > _MOST_SHOWN else "")
