"""k6: `--out json=FILE` and `--out csv=FILE`. One `http_req_duration` point a request, stamped at its end, in
milliseconds.

The duration leaves out waiting for a connection; that part of the latency k6 keeps in other metrics. Every
`dropped_iterations` point becomes unsent arrivals: an open load that was not offered.
"""

from __future__ import annotations

import numpy as np

from harness.analysis.assemble import Recorded, outcome_of_status
from harness.analysis.foreign.jsonlines import epoch_s, finish, from_start, number, objects
from harness.analysis.table import read_table
from harness.errors import Problem, UsageError
from harness.results import Outcome, Reason, Rows

_DURATION, _DROPPED = "http_req_duration", "dropped_iterations"
_TIMEOUTS = frozenset({1050, 1211, 1310})
_REFUSED = frozenset({1212})
_RESETS = frozenset({1220, 1650})

Point = tuple[float, float, str, str, str, int]
"""(end in epoch seconds, milliseconds or NaN for a dropped one, status, error code, journey, line)."""


def rows_from_json(text: str, name: str) -> Rows:
    """Rows of k6's JSON points."""
    points: list[Point] = []
    for line, entry in objects(text, name):
        if entry.get("type") != "Point" or entry.get("metric") not in {_DURATION, _DROPPED}:
            continue
        try:
            data = entry["data"]
            tags = data.get("tags") or {}
            end, value = epoch_s(str(data["time"])), number(data, "value")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(Problem(f"not a k6 point: {error}", file=name, line=line, column=1)) from None
        if entry["metric"] == _DROPPED:
            points += _dropped(end, value, str(tags.get("scenario", "")), line)
        else:
            status, code = str(tags.get("status", "0")), str(tags.get("error_code", ""))
            points.append((end, value, status, code, str(tags.get("scenario", "")), line))
    return _rows(points, name)


def rows_from_csv(text: str, name: str) -> Rows:
    """Rows of k6's CSV: its stamps are whole seconds unless k6 was told `K6_CSV_TIME_FORMAT=unix_nano` or such."""
    table = read_table(text, name)
    if not table.has("metric_name", "timestamp", "metric_value", "status"):
        raise UsageError(Problem("not k6's CSV", "k6 run --out csv=FILE writes it", name, 1, 1))
    ends, values = table.numbers("timestamp"), table.numbers("metric_value")
    table.settle()
    scale = _unit_of(float(np.nanmax(ends)))
    metrics, status = table.words("metric_name"), table.words("status", "0")
    codes, scenarios = table.words("error_code"), table.words("scenario")
    points: list[Point] = []
    for k, metric in enumerate(metrics):
        end, value = float(ends[k]) * scale, float(values[k])
        if metric == _DURATION:
            points.append((end, value, status[k], codes[k], scenarios[k], table.lines[k]))
        elif metric == _DROPPED:
            points += _dropped(end, value, scenarios[k], table.lines[k])
    return _rows(points, name)


def _unit_of(stamp: float) -> float:
    """Seconds in the unit of an epoch stamp: seconds, milli-, micro- or nanoseconds, by its size."""
    return next((unit for limit, unit in ((1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6)) if stamp < limit), 1e-9)


def _dropped(at: float, count: float, scenario: str, line: int) -> list[Point]:
    return [(at, float("nan"), "", "", scenario, line)] * min(1_000_000, max(0, int(count)))


def _rows(points: list[Point], name: str) -> Rows:
    end = np.array([p[0] for p in points], dtype=float)
    spent = np.array([p[1] for p in points], dtype=float) / 1e3
    words = [_outcome(p, name) for p in points]
    sent = np.where(np.isnan(spent), end, end - spent)
    sent, end = from_start(sent, end)
    dropped = np.isnan(spent)
    recorded = Recorded(
        outcome=np.array([int(word) for word, _ in words], dtype=np.uint8),
        reason=np.array([int(reason) for _, reason in words], dtype=np.uint8),
        finished_s=np.where(dropped, np.nan, end),
        sent_s=sent,
        status=np.array([int(p[2] or 0) for p in points], dtype=np.uint16),
        journey=[p[4] for p in points],
    )
    return finish(recorded, name, [p[5] for p in points])


def _outcome(point: Point, name: str) -> tuple[Outcome, Reason]:
    if np.isnan(point[1]):
        return Outcome.NOT_SENT, Reason.IN_FLIGHT_BOUND
    try:
        status, code = int(point[2] or 0), int(point[3] or 0)
        if status:
            return outcome_of_status(status), Reason.NONE
    except ValueError as error:
        raise UsageError(Problem(str(error), file=name, line=point[5], column=1)) from None
    if 1100 <= code < 1200:
        return Outcome.REFUSED, Reason.CLIENT_DNS
    word = Outcome.TIMEOUT if code in _TIMEOUTS else Outcome.REFUSED if code in _REFUSED else Outcome.RESET
    return word, Reason.NONE
