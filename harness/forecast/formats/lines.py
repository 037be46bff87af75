"""Text into rows: lines, fields, numbers and times, with the place of whatever does not parse."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.errors import Problem, UsageError

MOST_PROBLEMS = 10
_EPOCH_UNITS = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000), (math.inf, 1))
_RELATIVE_BELOW = 1e8
_EARLIEST, _LATEST = pd.Timestamp("1970-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")
_MOST_NS = 7.2e18  # about the year 2198: well inside an int64


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Non-blank lines with their 1-based numbers; a byte-order mark and carriage returns are gone."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        stripped = line.rstrip("\r")
        if stripped.strip():
            yield number, stripped


def split_fields(line: str, delimiter: str) -> list[str]:
    """The fields of one line; quotes are honoured within the line, never across lines (a stray one loses no row)."""
    if '"' not in line:
        return [field.strip() for field in line.split(delimiter)]
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter))]
    except (csv.Error, StopIteration):
        return [line]


def delimiter_of(line: str) -> str:
    return max(",;\t", key=line.count)


def parse_number(text: str) -> float:
    """A finite number >= 0; NaN where it is none. Python's `1_000` is no number here."""
    if "_" in text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) and value >= 0 else math.nan


def parse_times(
    texts: Sequence[str], timezone: str = "UTC"
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], bool]:
    """(nanoseconds, parsed, relative) of ISO 8601 or numeric times, all of them one kind.

    Numbers below 1e8 are seconds on the file's own clock (`relative`); larger ones are Unix time in s, ms, us or ns, by
    their size. Times without a zone of their own are of `timezone`; a local time that a clock change skipped is none.
    """
    if not texts:
        return np.empty(0, np.int64), np.empty(0, bool), False
    probe = np.array([_plain_number(text) for text in texts[:50]])
    if np.mean(np.isfinite(probe)) > 0.5:
        typical = float(np.nanmedian(np.abs(probe)))
        if typical < _RELATIVE_BELOW:
            return *_numeric_ns(texts, 1_000_000_000), True
        scale = next(scale for limit, scale in _EPOCH_UNITS if typical < limit)
        return *_numeric_ns(texts, scale), False
    stamps = _iso_times(pd.Series(list(texts), dtype="str"), timezone)
    in_range = stamps.between(_EARLIEST, _LATEST)
    filled = stamps.where(in_range, _EARLIEST)
    times_ns: npt.NDArray[np.int64] = filled.dt.as_unit("ns").astype("int64").to_numpy().astype(np.int64)
    return times_ns, in_range.to_numpy(np.bool_), False


def _iso_times(texts: pd.Series[str], timezone: str) -> pd.Series[pd.Timestamp]:
    stamps = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    if timezone == "UTC":
        return stamps
    zoned = texts.str.contains(r"(?:[Zz]|[+-]\d{2}:?\d{2})$", regex=True)
    wall = stamps[~zoned].dt.tz_localize(None)
    # The hour that a clock change repeats: summer time first, standard time once the clock was seen to jump back.
    date = wall.dt.floor("D")
    back = (wall.diff() <= pd.Timedelta(minutes=-10)) & (date == date.shift())
    summer = (back.groupby(date).cumsum() == 0).to_numpy()
    local = wall.dt.tz_localize(timezone, ambiguous=summer, nonexistent="NaT")
    stamps[~zoned] = local.dt.tz_convert("UTC")
    return stamps


def _plain_number(text: str) -> float:
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def _numeric_ns(texts: Sequence[str], scale: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    out = np.zeros(len(texts), dtype=np.int64)
    parsed = np.zeros(len(texts), dtype=bool)
    digits = len(str(scale)) - 1
    for i, text in enumerate(texts):
        whole, point, fraction = text.partition(".")
        value = _plain_number(text)
        if not (math.isfinite(value) and 0 <= value * scale < _MOST_NS):
            continue
        if whole.isascii() and whole.isdigit() and (not point or (fraction.isascii() and fraction.isdigit())):
            # Digit by digit: a double keeps a Unix time to 240 ns only.
            out[i] = int(whole) * scale + int((fraction + "0" * digits)[:digits] or 0)
        else:
            out[i] = round(value * scale)
        parsed[i] = True
    return out, parsed


def refuse(name: str, problems: Sequence[tuple[int, int, str]]) -> UsageError:
    """(line, column, what) of every malformed row as one error; the first ones in words, the rest counted."""
    shown = [
        Problem(what, "mend or remove the row; nothing was read", name, line, column)
        for line, column, what in problems[:MOST_PROBLEMS]
    ]
    if len(problems) > MOST_PROBLEMS:
        shown.append(Problem(f"and {len(problems) - MOST_PROBLEMS} more malformed rows", file=name))
    return UsageError(*shown)
