"""Arrays of another tool's run put together as rows, impossible ones refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.scene import ALL
from harness.analysis.view import FLAG_DUE_FROM_SENT, FLAG_GAP_UNKNOWN, Floats
from harness.results import NEVER, NEVER_SENT, RESULT_DTYPE, SUCCESSES, Catalog, Outcome, ResultArray, Rows
from harness.results.row import FLAG_STREAMED, FLAG_TOKENS_FROM_USAGE

STAMP_S = 2e-6
"""Wall-clock stamps as floats are good to a quarter of a microsecond: nearer moments are the same."""
_STATUS_OUTCOMES = {408: Outcome.TIMEOUT, 429: Outcome.THROTTLED}
_UNSENT = np.array([int(o) for o in NEVER_SENT])
_GOOD = np.array([int(o) for o in SUCCESSES])


def outcome_of_status(status: int) -> Outcome:
    """What an HTTP status alone says; 0 is no answer at all. Raises ValueError on what is no status."""
    if status == 0:
        return Outcome.RESET
    if not 100 <= status <= 599:
        raise ValueError(f"no HTTP status: {status}")
    if status in _STATUS_OUTCOMES:
        return _STATUS_OUTCOMES[status]
    return Outcome.OK if 200 <= status < 300 else Outcome.SERVER_ERROR if status >= 500 else Outcome.CLIENT_ERROR


@dataclass
class Recorded:
    """One entry a request, seconds from the run's start, NaN where unknown. Only `sent_s` or `due_s` must be known."""

    outcome: np.ndarray
    finished_s: Floats
    sent_s: Floats
    due_s: Floats | None = None
    first_token_s: Floats | None = None
    last_token_s: Floats | None = None
    status: np.ndarray | None = None
    tokens_in: Floats | None = None
    tokens_out: Floats | None = None
    max_gap_s: Floats | None = None
    attempts: Floats | None = None
    journey: list[str] | None = None
    phase: list[str] | None = None
    tenant: list[str] | None = None
    tokens_from_usage: bool = False
    reason: np.ndarray | None = None

    def wrongs(self) -> list[tuple[np.ndarray, str]]:
        """(mask, what) of rows that cannot be."""
        due, start, end = self._due(), np.where(np.isnan(self.sent_s), self._due(), self.sent_s), self.finished_s
        good = np.isin(self.outcome, _GOOD)
        nan = np.full(len(end), np.nan)
        first = nan if self.first_token_s is None else self.first_token_s
        last = nan if self.last_token_s is None else self.last_token_s
        gap = nan if self.max_gap_s is None else self.max_gap_s
        negative = [x for x in (self.tokens_in, self.tokens_out, self.attempts, gap) if x is not None]
        return [
            (np.isnan(due), "neither a due nor a sent time"),
            (due < 0, "a due time before the start of the run"),
            (self.sent_s < due - 0.005, "sent before it was due"),
            (good & np.isnan(end), "a success without an end or a latency"),
            (end < start, "finished before it was sent"),
            (end < due, "finished before it was due"),
            ((first < start - STAMP_S) | (first > end + STAMP_S), "a first token outside its request"),
            ((last < first - STAMP_S) | (last > end + STAMP_S), "a last token outside its request"),
            (good & (gap > end - start + STAMP_S), "a gap longer than its request"),
            (
                self._attempts_untold(),
                "no attempts, though other rows tell theirs: every request that was sent has one",
            ),
            *((x < 0, "a negative count") for x in negative),
            *((x >= 2**32, "a count out of range") for x in negative),
            (
                np.nan_to_num(np.maximum(due, np.nan_to_num(end))) > 1e9,
                "a moment 30 years after the start; times are seconds from it",
            ),
        ]

    def _due(self) -> Floats:
        if self.due_s is None:
            return self.sent_s
        return np.where(np.isnan(self.due_s), self.sent_s, self.due_s)

    def _attempts_untold(self) -> np.ndarray:
        """Sent requests that took no attempt: as a 0 they would make the mean look better."""
        known = np.zeros(len(self.outcome)) if self.attempts is None else np.nan_to_num(self.attempts)
        return np.asarray(bool(known.any()) & (known == 0) & ~np.isin(self.outcome, _UNSENT))

    def _set_gaps(self, array: ResultArray) -> None:
        """A pause that was not recorded where others were is at most the whole stream."""
        if self.max_gap_s is None:
            return
        whole_s = np.maximum(array["last_token_ns"] - array["first_token_ns"], 0) * 1e-9
        gap_us = np.where(np.isnan(self.max_gap_s), whole_s, self.max_gap_s) * 1e6
        array["max_gap_us"] = np.minimum(gap_us, np.iinfo(np.uint32).max)

    def rows(self) -> Rows:
        """As rows. The caller has looked at `wrongs`."""
        n = len(self.outcome)
        array = np.zeros(n, dtype=RESULT_DTYPE)
        array["seq"] = np.arange(n)
        unsent = np.isin(self.outcome, _UNSENT)
        array["due_ns"] = _ns(self._due())
        array["sent_ns"] = np.where(unsent, NEVER, _ns(self.sent_s))
        array["finished_ns"] = _ns(self.finished_s)
        array["first_token_ns"] = _ns(self.first_token_s, n)
        last = self.finished_s if self.last_token_s is None and self.first_token_s is not None else self.last_token_s
        streamed = array["first_token_ns"] >= 0
        array["last_token_ns"] = np.where(streamed, _ns(last, n), NEVER)
        for token in ("first_token_ns", "last_token_ns"):
            late = (array["finished_ns"] >= 0) & (array[token] > array["finished_ns"])
            array[token][late] = array["finished_ns"][late]
            early = (array[token] >= 0) & (array[token] < array["sent_ns"])
            array[token][early] = array["sent_ns"][early]
        array["last_token_ns"] = np.where(streamed, np.maximum(array["last_token_ns"], array["first_token_ns"]), NEVER)
        array["outcome"] = self.outcome
        array["reason"] = 0 if self.reason is None else self.reason
        array["status"] = 0 if self.status is None else self.status
        for field, values in (
            ("tokens_in", self.tokens_in),
            ("tokens_out", self.tokens_out),
            ("attempts", self.attempts),
        ):
            if values is not None:
                array[field] = np.minimum(np.nan_to_num(values), np.iinfo(RESULT_DTYPE[field]).max)
        self._set_gaps(array)
        array["journey"], journeys = _numbered(self.journey, n, "all")
        array["phase"], phases = _numbered(self.phase, n, ALL)
        array["tenant"], tenants = _numbered(self.tenant, n, "")
        # A journey that streams at all streams always: its success without a first token is a broken stream.
        streams = np.isin(array["journey"], np.unique(array["journey"][streamed]))
        array["flags"] = np.where(streams, FLAG_STREAMED, 0)
        if self.tokens_from_usage:
            array["flags"] |= FLAG_TOKENS_FROM_USAGE
        due_known = np.zeros(n, dtype=bool) if self.due_s is None else ~np.isnan(self.due_s)
        array["flags"][~due_known] |= FLAG_DUE_FROM_SENT
        if self.max_gap_s is None or np.isnan(self.max_gap_s).all():
            array["flags"] |= FLAG_GAP_UNKNOWN
        return Rows(array, Catalog(journeys=journeys, phases=phases, tenants=tenants))


def _ns(seconds: Floats | None, n: int = 0) -> np.ndarray:
    if seconds is None:
        return np.full(n, NEVER, dtype=np.int64)
    known = ~np.isnan(seconds)
    ns = np.full(len(seconds), NEVER, dtype=np.int64)
    ns[known] = np.rint(seconds[known] * 1e9)
    return ns


def _numbered(names: list[str] | None, n: int, default: str) -> tuple[np.ndarray, tuple[str, ...]]:
    if names is None:
        return np.zeros(n, dtype=np.uint8), (default,)
    known = {name: k for k, name in enumerate(dict.fromkeys(names))}
    if len(known) > 256:
        raise ValueError(f"{len(known)} distinct names; at most 256 fit")
    return np.array([known[name] for name in names], dtype=np.uint8), tuple(name or default for name in known)
