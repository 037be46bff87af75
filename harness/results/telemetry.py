"""What the engine says about itself, once a second and worker: the evidence behind the validity gates.

file = head record*
head = b"PKTELEM\n" version:u16 record_size:u16          (little-endian, 12 bytes)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import EvidenceError, Problem
from harness.results.version import ADVICE, FORMAT, of_format

TELEMETRY_DTYPE = np.dtype(
    [
        ("t_s", "<f8"),  # end of the second, on the run's clock
        ("worker", "<u2"),
        ("cpu_share", "<f4"),  # of one core, 0..1
        ("loop_lag_s_max", "<f4"),
        ("loop_lag_s_p99", "<f4"),
        ("send_lag_s_p99", "<f4"),
        ("gc_pause_s_max", "<f4"),
        ("in_flight", "<u4"),
        ("in_flight_area_s", "<f8"),  # integral of in-flight over time since the start: request-seconds
        ("fired", "<u4"),  # cumulative: arrivals whose journey was started
        ("finished", "<u4"),  # cumulative: arrivals with a terminal outcome, not_sent included
        ("not_sent", "<u4"),  # cumulative
        ("connects", "<u4"),  # cumulative: new TCP connections
        ("client_failures", "<u4"),  # cumulative: failures of our own machine
        ("segments_sent", "<u8"),  # cumulative, by the kernel's TCP: data segments to the target
        ("segments_resent", "<u8"),  # cumulative: those sent again, handshakes left out
        ("segments_received", "<u8"),  # cumulative: data segments from the target
        ("segments_unordered", "<u8"),  # cumulative: those that came out of order, as after a loss
        ("round_trip_s", "<f4"),  # median of some open connections, by the kernel; 0 where it does not say
        ("addresses", "<u2"),  # of the target, that could be used
        ("busiest_address", "<f4"),  # share of the requests so far that went to the busiest of them
    ]
)

TelemetryArray = npt.NDArray[np.void]

_HEAD = struct.Struct("<8sHH")
_MAGIC = b"PKTELEM\n"
TELEMETRY_HEAD = _HEAD.pack(_MAGIC, FORMAT, TELEMETRY_DTYPE.itemsize)
"""What the records in a file come after."""


def read_telemetry(path: Path) -> TelemetryArray:
    """The whole records of one worker's file, shape (n,); none where it is missing or cut (a killed worker may leave
    half a record). Raises EvidenceError for a file of another format."""
    try:
        data = path.read_bytes()
    except OSError:
        return np.empty(0, TELEMETRY_DTYPE)
    if len(data) < _HEAD.size:
        return np.empty(0, TELEMETRY_DTYPE)
    magic, version, size = _HEAD.unpack_from(data)
    if magic != _MAGIC or version != FORMAT or size != TELEMETRY_DTYPE.itemsize:
        raise EvidenceError(Problem(of_format(version if magic == _MAGIC else None), ADVICE, str(path)))
    return np.frombuffer(data, TELEMETRY_DTYPE, (len(data) - _HEAD.size) // size, _HEAD.size)


@dataclass(frozen=True)
class WorkerFact:
    """The end of one worker, as the master saw it."""

    worker: int
    state: str
    """`done`, `lost`, `stalled`, `refused`, `lying`."""
    planned: int
    """Arrivals that this worker was to fire."""
    reported: int
    """Arrivals that it said it had finished (terminal outcomes)."""
    clock_offset_s: float = 0.0
    """Its run clock minus the master's, estimated; same-host workers share one clock."""
    detail: str = ""


@dataclass(frozen=True)
class ClockFact:
    """How long the load took by three clocks; they disagree after a sleep or a step."""

    monotonic_s: float
    boottime_s: float
    wall_s: float
