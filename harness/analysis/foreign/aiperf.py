"""AIPerf: `profile_export.jsonl`, one record a request, nanoseconds since 1970, metrics with their units."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.analysis.assemble import Recorded, outcome_of_status
from harness.analysis.foreign.jsonlines import finish, from_start, number, objects
from harness.errors import Problem, UsageError
from harness.results import Outcome, Rows

_SECONDS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "us": 1e-6, "ns": 1e-9}


def rows_from_jsonl(text: str, name: str) -> Rows:
    """Rows of the per-request records; the benchmark's phases stay phases."""
    records, lines = [], []
    for line, entry in objects(text, name):
        try:
            records.append(_record(entry))
            lines.append(line)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UsageError(Problem(f"not an AIPerf record: {error}", file=name, line=line, column=1)) from None

    def column(field: str) -> np.ndarray:
        return np.array([record[field] for record in records], dtype=float)

    due, sent, end = from_start(column("due"), column("sent"), column("end"))
    known_due = len(records) > 0 and not np.isnan(due).any()
    recorded = Recorded(
        outcome=np.array([int(record["outcome"]) for record in records], dtype=np.uint8),
        finished_s=end,
        sent_s=sent,
        due_s=due if known_due else None,
        first_token_s=sent + column("ttft"),
        last_token_s=np.where(np.isnan(column("ttft")), np.nan, end),
        max_gap_s=column("gap"),
        tokens_in=column("tokens_in"),
        tokens_out=column("tokens_out"),
        phase=[record["phase"] for record in records],
    )
    return finish(recorded, name, lines)


def _record(entry: dict[str, Any]) -> dict[str, Any]:
    metadata, metrics = entry["metadata"], entry.get("metrics") or {}
    sent, end = number(metadata, "request_start_ns") / 1e9, number(metadata, "request_end_ns") / 1e9
    gaps = metrics.get("inter_chunk_latency")
    return {
        "due": number(metadata, "credit_issued_ns") / 1e9,
        "sent": sent,
        "end": end,
        "ttft": _seconds(metrics, "time_to_first_token"),
        "gap": max(map(float, gaps["value"])) * _SECONDS[gaps["unit"]] if gaps and gaps.get("value") else float("nan"),
        "tokens_in": number(metrics, "input_sequence_length", "value"),
        "tokens_out": number(metrics, "output_sequence_length", "value"),
        "phase": str(metadata.get("benchmark_phase") or "profiling"),
        "outcome": _outcome(metadata, entry.get("error")),
    }


def _seconds(metrics: dict[str, Any], name: str) -> float:
    value = number(metrics, name, "value")
    return value if np.isnan(value) else value * _SECONDS[metrics[name]["unit"]]


def _outcome(metadata: dict[str, Any], error: Any) -> Outcome:
    if metadata.get("was_cancelled"):
        return Outcome.CANCELLED
    if not error:
        return Outcome.OK
    code = number(error, "code")
    if not np.isnan(code) and 300 <= code <= 599:
        return outcome_of_status(int(code))
    said = f"{error.get('type', '')} {error.get('message', '')}".lower()
    if "timeout" in said:
        return Outcome.TIMEOUT
    return Outcome.REFUSED if "refused" in said else Outcome.RESET if "reset" in said else Outcome.SERVER_ERROR
