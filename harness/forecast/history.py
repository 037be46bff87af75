"""A history: requests per bucket on a regular grid, its gaps marked, with the account of every row it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness.errors import Problem, UsageError

Floats = npt.NDArray[np.float64]
MOST_BUCKETS = 5_000_000


LEAST_COUNT = 1e-9
"""A bucket with less than a billionth of a request had none: nothing can be scaled by such a number."""


@dataclass(frozen=True)
class Issue:
    """Rows of one kind that were not used, and where the first of them is."""

    kind: str
    """`malformed`, `duplicate`, `blank`, `outside` or `unmapped`."""
    count: int
    first_line: int
    what: str


@dataclass(frozen=True)
class Intake:
    """The account of the rows: in = used + reported, always."""

    rows_in: int
    rows_used: int
    issues: tuple[Issue, ...] = ()
    findings: tuple[str, ...] = ()
    """What was noticed and did no harm: rows out of order, gaps, a silence, a counter that restarted."""

    def __post_init__(self) -> None:
        assert self.rows_in == self.rows_used + self.rows_reported, "no row is lost in silence"

    @property
    def rows_reported(self) -> int:
        return sum(issue.count for issue in self.issues)


@dataclass(frozen=True)
class Requests:
    """Single requests as recorded, in order of time."""

    offsets_s: Floats
    """From the start of the history, ascending; shape (n,)."""
    tokens: npt.NDArray[np.uint32] | None = None
    """(prompt, output) tokens of each, shape (n, 2)."""
    journeys: npt.NDArray[np.uint8] | None = None
    """Index of each in the history's `journeys`, shape (n,)."""


@dataclass(frozen=True)
class History:
    """Requests per bucket. `counts` has shape (n,); NaN is a gap: nothing is known, which is not zero."""

    name: str
    format: str
    start_ns: int | None
    """Unix time of the first bucket's start (UTC); None where the file's clock is relative."""
    bucket_s: float
    counts: Floats
    intake: Intake
    requests: Requests | None = None
    timezone: str = "UTC"
    """Whose days and weeks the seasons follow."""
    notes: tuple[str, ...] = field(default=())
    journeys: tuple[str, ...] = ()
    """Names of the journeys that its requests are of; empty where nothing is known of them."""

    @property
    def duration_s(self) -> float:
        return self.counts.size * self.bucket_s

    @property
    def rates_per_s(self) -> Floats:
        return self.counts / self.bucket_s

    @property
    def gap_share(self) -> float:
        return float(np.mean(np.isnan(self.counts))) if self.counts.size else 1.0


@dataclass(frozen=True)
class Paths:
    """What each row of a log asked for."""

    paths: tuple[str, ...]
    """Path without its query; empty where the row names none."""
    named: bool = False
    """These are names of journeys already, not paths."""


@dataclass(frozen=True)
class Rows:
    """What a reader of one format hands over: parsed rows in file order, and what it could not use."""

    times_ns: npt.NDArray[np.int64]
    """Unix ns, or ns from the file's own start where `relative`; shape (n,)."""
    lines: npt.NDArray[np.int64]
    """1-based line of each row in the file."""
    relative: bool
    values: Floats | None = None
    """Requests (or requests/s where `is_rate`) in the bucket that starts at the time, NaN where the row left it blank
    (such rows are among `issues`); None: each row is a request."""
    is_rate: bool = False
    tokens: npt.NDArray[np.uint32] | None = None
    issues: tuple[Issue, ...] = ()
    findings: tuple[str, ...] = ()
    samples: npt.NDArray[np.int64] | None = None
    """Rows of the file behind each row here, where several were added up; None: one each. Shape (n,)."""
    paths: Paths | None = None
    journeys: npt.NDArray[np.uint8] | None = None
    """Index of each row in `journey_names`, shape (n,)."""
    journey_names: tuple[str, ...] = ()


def history_from_rows(rows: Rows, name: str, format_name: str, timezone: str = "UTC") -> History:
    """Sorts the rows onto the grid. Raises UsageError where they make no history."""
    if rows.times_ns.size < 2 or (rows.values is not None and np.sum(~np.isnan(rows.values)) < 2):
        raise UsageError(Problem("fewer than two usable rows: no history", "give at least two", file=name))
    out_of_order = int(np.sum(np.diff(rows.times_ns) < 0))
    findings = list(rows.findings)
    if out_of_order:
        line = int(rows.lines[int(np.argmax(np.diff(rows.times_ns) < 0)) + 1])
        findings.append(f"{out_of_order} rows out of order (the first at line {line}): sorted")
    order = np.argsort(rows.times_ns, kind="stable")
    source = _Source(name, format_name, timezone)
    if rows.values is None:
        return _from_requests(rows, order, source, findings)
    return _from_buckets(rows, rows.values, order, source, findings)


@dataclass(frozen=True)
class _Source:
    name: str
    format: str
    timezone: str


def _from_requests(rows: Rows, order: npt.NDArray[np.intp], source: _Source, findings: list[str]) -> History:
    times = rows.times_ns[order]
    offsets = (times - times[0]) / 1e9
    if times.size > 1 and not np.any(times % 1_000_000_000):
        offsets = _spread(offsets)
        findings.append("times are whole seconds: requests of one second are spread evenly over it")
    span_s = float(offsets[-1])
    bucket_s = 60.0 if span_s >= 600 else 10.0 if span_s >= 100 else 1.0
    buckets = int(span_s // bucket_s)
    _check_size(buckets, source.name)
    if buckets < 2:
        raise UsageError(
            Problem(f"all requests lie within {span_s:.3g} s: no history", "record longer", file=source.name)
        )
    # The last bucket is only partly covered: its requests are kept for replay, its rate is not.
    whole = offsets < buckets * bucket_s
    counts = np.bincount((offsets[whole] / bucket_s).astype(np.int64), minlength=buckets)[:buckets].astype(np.float64)
    silence = float(np.diff(offsets).max())
    if silence > max(60.0, 50 * span_s / offsets.size):
        findings.append(f"the longest silence is {silence:.0f} s: taken as no traffic, not as a gap in the recording")
    tokens = None if rows.tokens is None else rows.tokens[order]
    requests = Requests(offsets, tokens, None if rows.journeys is None else rows.journeys[order])
    used = int(rows.times_ns.size)
    intake = Intake(used + sum(i.count for i in rows.issues), used, rows.issues, tuple(findings))
    start_ns = None if rows.relative else int(times[0])
    return History(
        source.name, source.format, start_ns, bucket_s, counts, intake, requests, source.timezone,
        journeys=rows.journey_names,
    )  # fmt: skip


def _spread(seconds: Floats) -> Floats:
    """Ascending whole seconds, those of one second laid evenly over it: i-th of n at (i + 1/2) / n."""
    _, first, count = np.unique(seconds, return_index=True, return_counts=True)
    rank = np.arange(seconds.size) - np.repeat(first, count)
    return seconds + (rank + 0.5) / np.repeat(count, count)


def _from_buckets(
    rows: Rows, values: Floats, order: npt.NDArray[np.intp], source: _Source, findings: list[str]
) -> History:
    times, values, lines = rows.times_ns[order], values[order], rows.lines[order]
    gaps_ns = np.diff(times)
    gaps_ns = gaps_ns[gaps_ns > 0]
    if gaps_ns.size == 0:
        raise UsageError(Problem("every row has the same time: no history", file=source.name, line=int(lines[0])))
    steps, seen = np.unique(gaps_ns, return_counts=True)
    bucket_ns = int(steps[np.argmax(seen)])
    index = np.rint((times - times[0]) / bucket_ns).astype(np.int64)
    size = int(index[-1]) + 1
    _check_size(size, source.name)
    counts = np.full(size, np.nan)
    np.fmax.at(counts, index, np.where(values < LEAST_COUNT, 0.0, values))  # a NaN is not below it, and stays one
    kept = np.ones(index.size, dtype=bool)
    # Of several rows for one bucket the largest is kept: a peak must not be lost to an average.
    by_value = np.lexsort((-values, index))
    kept[by_value[1:][index[by_value][1:] == index[by_value][:-1]]] = False
    given = ~np.isnan(values)
    samples = np.ones(values.size, dtype=np.int64) if rows.samples is None else rows.samples[order]
    twice = given & ~kept
    issues = list(rows.issues)
    if twice.any():
        first = int(lines[twice].min())
        issues.append(
            Issue("duplicate", int(samples[twice].sum()), first, "bucket given more than once: the largest kept")
        )
    off_grid = int(np.sum(np.abs((times - times[0]) / bucket_ns - index) > 0.1))
    if off_grid:
        findings.append(f"{off_grid} rows lie more than a tenth of a bucket off the {bucket_ns / 1e9:g} s grid")
    gaps = int(np.isnan(counts).sum())
    if gaps:
        findings.append(f"{gaps} of {size} buckets are gaps: marked, not filled with zero")
    bucket_s = bucket_ns / 1e9
    used = int(samples[kept & given].sum())
    intake = Intake(used + sum(i.count for i in issues), used, tuple(issues), tuple(findings))
    start_ns = None if rows.relative else int(times[0])
    counts = counts * bucket_s if rows.is_rate else counts
    return History(source.name, source.format, start_ns, bucket_s, counts, intake, None, source.timezone)


def _check_size(buckets: int, name: str) -> None:
    if buckets > MOST_BUCKETS:
        raise UsageError(
            Problem(
                f"the times span {buckets:,} buckets, more than {MOST_BUCKETS:,}",
                "one wrong year is enough: look at the first and the last row",
                file=name,
            )
        )
