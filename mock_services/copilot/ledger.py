"""copilot's own count of what it was asked, which a load generator's ledger must agree with, and the log behind it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from mock_services.copilot.upstream import Upstream
from mock_services.evidence import Counts, Record, RequestLog

_RUNS = 64
_ID_CHARACTERS = 64


class Ledger:
    """Counts of all requests and of the last runs, by run id; the request log in the mocks' own form."""

    def __init__(self, name: str = "copilot") -> None:
        self.counts = Counts()
        self.log = RequestLog()
        self._name = name
        self._runs: OrderedDict[str, Counts] = OrderedDict()

    def arrived(self, record: Record, headers: Iterable[tuple[bytes, bytes]]) -> list[Counts]:
        """Takes the run and the seq from the headers; returns the counts that `finished` is to be given."""
        record.service = self._name
        for name, value in headers:
            if name == b"x-peakproof-run":
                record.run = value.decode("latin-1")[:_ID_CHARACTERS]
            elif name == b"x-peakproof-seq":
                record.seq = value.decode("latin-1")[:_ID_CHARACTERS]
        counted = self._counts_of(record)
        for counts in counted:
            counts.started += 1
            counts.in_flight += 1
        return counted

    def finished(self, record: Record, counted: list[Counts]) -> None:
        record.settle()
        self.log.add(record)
        for counts in counted:
            counts.add(record)

    def to_json(self) -> dict[str, Any]:
        by_run = {run: counts.to_json() for run, counts in self._runs.items()}
        return {**self.counts.to_json(), "by_run": by_run}

    def _counts_of(self, record: Record) -> list[Counts]:
        if not record.run:
            return [self.counts]
        run = self._runs.get(record.run)
        if run is None:
            run = self._runs[record.run] = Counts()
            if len(self._runs) > _RUNS:
                self._runs.popitem(last=False)
        self._runs.move_to_end(record.run)
        return [self.counts, run]


def render_metrics(ledger: Ledger, upstreams: Mapping[str, Upstream], waiting: int, now_s: float) -> str:
    """Prometheus text, format 0.0.4. Every label value is one of our own words."""
    counts = ledger.counts
    lines = _family("copilot_requests_total", "counter", "Requests that arrived.", [("", counts.started)])
    outcomes = [(f'{{outcome="{outcome}"}}', n) for outcome, n in sorted(counts.by_outcome.items())]
    lines += _family("copilot_finished_total", "counter", "Requests finished, by outcome.", outcomes)
    lines += _family("copilot_in_flight", "gauge", "Requests at work or waiting.", [("", counts.in_flight)])
    lines += _family("copilot_waiting", "gauge", "Requests waiting to be let in.", [("", waiting)])
    calls, skipped, failures, states, openings = [], [], [], [], []
    for name, upstream in upstreams.items():
        label = f'upstream="{name}"'
        calls.append((f"{{{label}}}", upstream.calls))
        skipped.append((f"{{{label}}}", upstream.skipped))
        failures += [(f'{{{label},reason="{reason}"}}', n) for reason, n in sorted(upstream.failures.items())]
        state = upstream.breaker.state(now_s)
        states += [(f'{{{label},state="{s.value}"}}', int(s is state)) for s in type(state)]
        openings.append((f"{{{label}}}", upstream.breaker.times_opened))
    lines += _family("copilot_upstream_calls_total", "counter", "Calls sent.", calls)
    lines += _family("copilot_upstream_skipped_total", "counter", "Calls not made: breaker or Retry-After.", skipped)
    lines += _family("copilot_upstream_failures_total", "counter", "Calls that failed, by reason.", failures)
    lines += _family("copilot_breaker_state", "gauge", "1 for the state the breaker is in.", states)
    lines += _family("copilot_breaker_opened_total", "counter", "Times the breaker opened.", openings)
    return "\n".join(lines) + "\n"


def _family(name: str, kind: str, text: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *(f"{name}{labels} {n}" for labels, n in samples)]
