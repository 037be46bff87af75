"""Prometheus text exposition of every service's counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mock_services.host import Hosted


def render_metrics(hosts: Mapping[str, Hosted], leases: int) -> str:
    """Format 0.0.4, a family at a time; label values are escaped."""
    return "\n".join(_lines(hosts, leases)) + "\n"


def _lines(hosts: Mapping[str, Hosted], leases: int) -> Iterator[str]:
    yield from _head("peakproof_mock_requests_total", "counter", "Requests finished, by status and outcome.")
    for name, host in hosts.items():
        for status, n in sorted(host.context.counts.by_status.items()):
            yield f'peakproof_mock_requests_total{{service="{_escape(name)}",status="{status}"}} {n}'
    yield from _head("peakproof_mock_outcomes_total", "counter", "Requests finished, by outcome.")
    for name, host in hosts.items():
        for outcome, n in sorted(host.context.counts.by_outcome.items()):
            yield f'peakproof_mock_outcomes_total{{service="{_escape(name)}",outcome="{_escape(outcome)}"}} {n}'
    yield from _head("peakproof_mock_in_flight", "gauge", "Requests being answered.")
    for name, host in hosts.items():
        yield f'peakproof_mock_in_flight{{service="{_escape(name)}"}} {host.context.counts.in_flight}'
    yield from _head("peakproof_mock_tokens_total", "counter", "Tokens, by direction.")
    for name, host in hosts.items():
        counts = host.context.counts
        yield f'peakproof_mock_tokens_total{{service="{_escape(name)}",direction="in"}} {counts.tokens_in}'
        yield f'peakproof_mock_tokens_total{{service="{_escape(name)}",direction="out"}} {counts.tokens_out}'
    yield from _head("peakproof_mock_pacing_error_seconds", "summary", "How late the mock itself was, 9 % bins.")
    for name, host in hosts.items():
        pacing = host.context.counts.pacing
        for q in (0.5, 0.99):
            value = pacing.quantile_s(q)
            text = "NaN" if value is None else f"{value:.6g}"
            yield f'peakproof_mock_pacing_error_seconds{{service="{_escape(name)}",quantile="{q}"}} {text}'
        yield f'peakproof_mock_pacing_error_seconds_count{{service="{_escape(name)}"}} {pacing.count}'
    yield from _head("peakproof_mock_faults_in_force", "gauge", "Fault leases in force.")
    yield f"peakproof_mock_faults_in_force {leases}"


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
