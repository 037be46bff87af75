"""What is known after a drill: the rows, what the upstreams saw, and when the faults truly began and ended. Arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness.drill.signals import ABSENT, CANARY, HEADER, MODEL, SERVED_BY, UPSTREAM, Signal
from harness.results import SUCCESSES, Outcome, Rows

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_OK_BELOW = 400


@dataclass(frozen=True)
class UpstreamCalls:
    """The upstreams' own log, one entry a call; shapes (n,), times on the run's clock. `seq` is -1 where the app did
    not pass the arrival's number on."""

    names: tuple[str, ...]
    name: npt.NDArray[np.int64]
    seq: npt.NDArray[np.int64]
    started_s: Floats
    finished_s: Floats
    status: npt.NDArray[np.int64]
    hint_s: Floats
    """The Retry-After that the upstream sent, seconds; NaN where it sent none."""
    tokens_in: Floats = field(default_factory=lambda: np.empty(0))
    """How long the prompts were, as the upstream counts; empty where the log does not tell."""

    @property
    def ok(self) -> Bools:
        ok: Bools = (self.status > 0) & (self.status < _OK_BELOW)
        return ok

    def on(self, name: str) -> Bools:
        """The calls to one upstream."""
        mine: Bools = self.name == (self.names.index(name) if name in self.names else -1)
        return mine


NO_CALLS = UpstreamCalls((), *(np.empty(0, np.int64),) * 2, *(np.empty(0),) * 2, np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True)
class Seen:
    """The arrivals of a drill in order of due time, and the moments that happened. Shapes (n,)."""

    seq: npt.NDArray[np.int64]
    due_s: Floats
    answered_s: Floats
    """The first token, or the end where there was none; infinity for what never came."""
    finished_s: Floats
    success: Bools
    marked: Bools
    """The answer says itself that it is degraded: a header, a model name, the outcome."""
    labels: tuple[str, ...]
    label: npt.NDArray[np.int64]
    """Which declared header signal was recorded, as an index into `labels`; 0 is none."""
    served_names: tuple[str, ...]
    served_by: npt.NDArray[np.int64]
    written_names: tuple[str, ...]
    written_by: npt.NDArray[np.int64]
    """Whose canary token the text carries, as an index into `written_names`; 0 is none."""
    calls: UpstreamCalls
    baseline_s: float
    inject_s: float
    """The first fault was in force."""
    revert_s: float
    """The last one no longer was."""
    end_s: float
    rate_per_s: float
    served_by_header: str = "x-served-by"
    shown: tuple[str, ...] = ()
    """The faults on what is not ours that their own probe saw in force."""

    def due_in(self, start_s: float, end_s: float) -> Bools:
        inside: Bools = (self.due_s >= start_s) & (self.due_s < end_s)
        return inside

    @property
    def undisturbed(self) -> Bools:
        """The baseline's requests: due in it, and over before the fault could touch them."""
        before: Bools = self.due_in(self.baseline_s, self.inject_s) & (self.finished_s < self.inject_s)
        return before

    def carries(self, signal: Signal) -> Bools:
        """Which answers carry the signal."""
        if signal.kind == HEADER:
            found = np.isin(self.label, [i for i, text in enumerate(self.labels) if _is_label(text, signal)])
            if signal.name == self.served_by_header:
                found |= _named(self.served_by, self.served_names, signal.value)
        elif signal.kind in (SERVED_BY, MODEL):
            found = _named(self.served_by, self.served_names, signal.value)
        elif signal.kind == CANARY:
            found = _named(self.written_by, self.written_names, signal.value)
        else:
            mine = self.calls.on(signal.value)
            if signal.kind == UPSTREAM:
                mine &= self.calls.ok
            found = np.isin(self.seq, self.calls.seq[mine])
            if signal.kind == ABSENT:
                found = ~found
        carried: Bools = found & self.success
        return carried

    @property
    def last_hint_s(self) -> float:
        """When the last Retry-After that was sent before the revert runs out; -infinity where none was sent."""
        sent = self.calls.started_s < self.revert_s
        ends = self.calls.finished_s[sent] + self.calls.hint_s[sent]
        return float(np.nanmax(ends)) if np.isfinite(ends).any() else -np.inf


def _is_label(text: str, signal: Signal) -> bool:
    name, _, value = text.removeprefix("header ").partition(" == ")
    return bool(text) and name.lower() == signal.name and signal.value in ("", value)


def _named(index: npt.NDArray[np.int64], names: tuple[str, ...], value: str) -> Bools:
    found: Bools = np.isin(index, [i for i, name in enumerate(names) if name and value in ("", name)])
    return found


def seen_of(
    rows: Rows,
    calls: UpstreamCalls,
    *,
    baseline_s: float,
    inject_s: float,
    revert_s: float,
    end_s: float,
    rate_per_s: float,
    served_by_header: str = "x-served-by",
    shown: tuple[str, ...] = (),
) -> Seen:
    """From the stored rows; times that did not come are infinite."""
    array = rows.arrivals()
    finished = _seconds(array["finished_ns"])
    success = np.isin(array["outcome"], [int(o) for o in SUCCESSES])
    return Seen(
        seq=array["seq"].astype(np.int64),
        due_s=array["due_ns"] / 1e9,
        answered_s=np.minimum(_seconds(array["first_token_ns"]), finished),
        finished_s=finished,
        success=success,
        marked=success & ((array["outcome"] == Outcome.DEGRADED) | (array["degraded"] > 0)),
        labels=rows.catalog.degraded,
        label=array["degraded"].astype(np.int64),
        served_names=rows.catalog.served_by,
        served_by=array["served_by"].astype(np.int64),
        written_names=rows.catalog.written_by,
        written_by=array["written_by"].astype(np.int64),
        calls=calls,
        baseline_s=baseline_s,
        inject_s=inject_s,
        revert_s=revert_s,
        end_s=end_s,
        rate_per_s=rate_per_s,
        served_by_header=served_by_header.lower(),
        shown=shown,
    )


def _seconds(ns: npt.NDArray[np.int64]) -> Floats:
    return np.where(ns < 0, np.inf, ns / 1e9)
