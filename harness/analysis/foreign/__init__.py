"""Rows that other load tools recorded, one small reader a format: text in, `Rows` out, problems at their line.

`read_foreign(text, name)` finds the format by its first line; `format_name` names it. What a tool does not record
(when a request was due, most of all) stays unknown, and the gates that need it say `not_fed`.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.analysis.foreign import aiperf, guidellm, jmeter, k6, locust, vegeta
from harness.analysis.rows_csv import rows_from_csv
from harness.errors import Problem, UsageError
from harness.results import Rows

Reader = Callable[[str, str], Rows]

READERS: dict[str, Reader] = {
    "peakproof-csv": rows_from_csv,
    "k6-json": k6.rows_from_json,
    "k6-csv": k6.rows_from_csv,
    "vegeta-json": vegeta.rows_from_json,
    "vegeta-csv": vegeta.rows_from_csv,
    "jmeter-jtl": jmeter.rows_from_jtl,
    "locust-csv": locust.rows_from_csv,
    "guidellm-json": guidellm.rows_from_json,
    "aiperf-jsonl": aiperf.rows_from_jsonl,
}


def sniff(text: str) -> str:
    """The format of `text`, by its first line; empty where it is none of ours."""
    first = text.removeprefix("\ufeff").lstrip().split("\n", 1)[0].strip()
    signs = (
        ("k6-json", first.startswith("{") and '"metric"' in first and '"type"' in first),
        ("vegeta-json", first.startswith("{") and '"latency"' in first and '"timestamp"' in first),
        ("aiperf-jsonl", first.startswith("{") and '"request_start_ns"' in first),
        ("guidellm-json", text.lstrip().startswith("{") and '"benchmarks"' in text[:100_000]),
        ("k6-csv", first.startswith("metric_name,timestamp")),
        ("jmeter-jtl", "timeStamp" in first and "elapsed" in first),
        ("vegeta-csv", vegeta.looks_like_csv(first)),
        ("peakproof-csv", any(column in first.split(",") for column in ("due_s", "sent_s"))),
        ("locust-csv", locust.looks_like_csv(first)),
    )
    return next((name for name, matches in signs if matches), "")


def read_foreign(text: str, name: str, format_name: str = "") -> Rows:
    """Rows of any format we know. Raises UsageError where the format is unknown or the text is not what it claims."""
    known = ", ".join(READERS)
    chosen = format_name or sniff(text)
    if not text.strip():
        raise UsageError(Problem("an empty file", "no data is never good news", name, 1, 1))
    if chosen not in READERS:
        what = f"no format is called {format_name!r}" if format_name else "not a format of rows that is known here"
        raise UsageError(Problem(what, f"formats: {known}", name, 1, 1))
    return READERS[chosen](text, name)


__all__ = ["READERS", "read_foreign", "sniff"]
