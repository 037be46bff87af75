"""A CSV read whole into columns, with every problem at its line: other tools' rows come in through here."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.analysis.view import Floats
from harness.errors import Problem, UsageError

MOST_PROBLEMS = 20
"""Shown at once; the rest is counted."""


@dataclass
class Table:
    """Columns of text. `lines[i]` is the line on which row i ends; problems are gathered and raised together."""

    name: str
    columns: Mapping[str, list[str]]
    lines: list[int]
    problems: list[Problem] = field(default_factory=list)
    unshown: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    def has(self, *names: str) -> bool:
        return all(name in self.columns for name in names)

    def wrong(self, row: int, what: str, advice: str = "") -> None:
        """Notes that row `row` is wrong."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(what, advice, self.name, self.lines[row], 1))
        else:
            self.unshown += 1

    def wrong_where(self, mask: Iterable[bool], what: str, advice: str = "") -> None:
        for row in np.flatnonzero(np.asarray(mask)):
            self.wrong(int(row), what, advice)

    def numbers(self, column: str, scale: float = 1.0) -> Floats:
        """A column as finite numbers times `scale`; NaN where blank; anything else is a problem. NaN everywhere if
        there is no such column."""
        texts = self.columns.get(column)
        if texts is None:
            return np.full(len(self), np.nan)
        try:
            values = np.array(texts, dtype=np.float64)
        except ValueError:
            values = np.array([self._number(row, column, text) for row, text in enumerate(texts)])
        else:
            self.wrong_where(~np.isfinite(values), f"{column} is not a finite number")
        return values * scale

    def _number(self, row: int, column: str, text: str) -> float:
        if not text.strip():
            return math.nan
        try:
            value = float(text)
        except ValueError:
            value = math.inf
        if not math.isfinite(value):
            self.wrong(row, f"{column} is not a finite number: {text[:40]!r}")
            return math.nan
        return value

    def words(self, column: str, default: str = "") -> list[str]:
        """A column as stripped text."""
        texts = self.columns.get(column)
        return [default] * len(self) if texts is None else [text.strip() or default for text in texts]

    def mapped(self, column: str, read: Callable[[str], int], what: str) -> np.ndarray:
        """A column of few distinct texts through `read`; ValueError or KeyError from it is a problem of those rows."""
        texts = self.words(column)
        known: dict[str, int] = {}
        bad: set[str] = set()
        for text in set(texts):
            try:
                known[text] = read(text)
            except (ValueError, KeyError):
                bad.add(text)
                known[text] = 0
        for row, text in enumerate(texts if bad else ()):
            if text in bad:
                self.wrong(row, f"{what}: {text[:40]!r}")
        return np.array([known[text] for text in texts])

    def settle(self) -> None:
        """Raises all problems at once, if there are any."""
        if self.problems:
            more = [Problem(f"and {self.unshown} more rows like these", file=self.name)] if self.unshown else []
            raise UsageError(*self.problems, *more)


def read_table(text: str, name: str, known: Iterable[str] = (), delimiter: str = ",") -> Table:
    """Reads a CSV with a header line. Raises UsageError where there is no row, a row is ragged, or a column looks
    like a misspelt one of `known`."""
    text = text.removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines = [], []
    try:
        header = [cell.strip() for cell in next(reader, [])]
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise UsageError(Problem(f"not a CSV: {error}", file=name, line=max(1, reader.line_num), column=1)) from None
    _check_header(header, name, tuple(known))
    if not rows:
        raise UsageError(Problem("no rows", "no data is never good news: record at least one request", name, 1, 1))
    ragged = [k for k, row in enumerate(rows) if len(row) != len(header)]
    if ragged:
        raise UsageError(
            *(
                Problem(
                    f"{len(rows[k])} cells under a header of {len(header)}", "cut, or a stray comma", name, lines[k], 1
                )
                for k in ragged[:MOST_PROBLEMS]
            )
        )
    columns = {column: list(cells) for column, cells in zip(header, zip(*rows, strict=True), strict=True)}
    return Table(name, columns, lines)


def _check_header(header: list[str], name: str, known: tuple[str, ...]) -> None:
    if not any(header):
        raise UsageError(Problem("an empty file", "the first line names the columns", name, 1, 1))
    twice = {column for column in header if column and header.count(column) > 1}
    if twice:
        raise UsageError(Problem(f"column named twice: {', '.join(sorted(twice))}", file=name, line=1, column=1))
    for column in header:
        near = difflib.get_close_matches(column.lower(), known, n=1, cutoff=0.8)
        if known and column not in known and near and near[0] not in header:
            raise UsageError(Problem(f"unknown column {column!r}", f"did you mean {near[0]!r}?", name, 1, 1))
