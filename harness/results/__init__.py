"""The waist of the house: what a request's end looks like, on disk and in memory."""

from harness.results.gaps import Gaps, read_gaps
from harness.results.ledger import Ledger, settle
from harness.results.outcome import NEVER_SENT, SUCCESSES, Outcome, Reason
from harness.results.row import ARRIVAL, NEVER, RESULT_DTYPE, Catalog, ResultArray, Rows
from harness.results.spool import SpoolWriter, read_spools
from harness.results.tail import SpoolTails
from harness.results.telemetry import (
    TELEMETRY_DTYPE,
    TELEMETRY_HEAD,
    ClockFact,
    TelemetryArray,
    WorkerFact,
    read_telemetry,
)
from harness.results.trace import trace_id, trace_parts
from harness.results.version import ADVICE, FORMAT, of_format

__all__ = [
    "ADVICE",
    "ARRIVAL",
    "FORMAT",
    "NEVER",
    "NEVER_SENT",
    "RESULT_DTYPE",
    "SUCCESSES",
    "TELEMETRY_DTYPE",
    "TELEMETRY_HEAD",
    "Catalog",
    "ClockFact",
    "Gaps",
    "Ledger",
    "Outcome",
    "Reason",
    "ResultArray",
    "Rows",
    "SpoolTails",
    "SpoolWriter",
    "TelemetryArray",
    "WorkerFact",
    "of_format",
    "read_gaps",
    "read_spools",
    "read_telemetry",
    "settle",
    "trace_id",
    "trace_parts",
]
