"""The dictionary behind `explain`: metrics, outcomes, reasons, verdicts, gates and exit codes in a sentence or two."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from harness.errors import Problem, UsageError

METRICS = {
    "ttft": "Time to first token: from the moment the request was due to the first non-empty content. A role-only or "
    "empty delta, or a comment, is not content. Reported against a quantile: `ttft p95 <= 2s`.",
    "e2e": "Response time: from due to the last byte. It includes the time a request waited to be sent.",
    "service": "Service time: from the moment of sending to the last byte. Beside e2e; the difference is our own lag.",
    "tpot": "Time per output token: (last - first token) / (tokens out - 1), for answers of at least two tokens; token "
    "counts from the server's own usage where it gives one.",
    "gap": "The largest gap between two content events of one answer (inter-token latency, judged per request).",
    "errors": "Share of arrivals with any outcome but ok and degraded; 429s included, each class shown apart.",
    "success": "Share of arrivals that ended ok or degraded.",
    "goodput": "Share of attempted requests that meet every limit: `goodput >= 98% {ttft: 2s, tpot: 80ms}`. A degraded "
    "answer is a success, and not goodput.",
    "degraded": "Share of arrivals answered in degraded mode (fallback model, no retrieval, cached answer), as the "
    "plan's `degraded` signals tell.",
    "amplification": "Requests that reached the upstream for each request of a user: retries multiply load.",
    "tokens/s": "Output tokens a second of one answer.",
    "cost": "Money for a thousand requests, from the plan's `prices`.",
    "p99": "A quantile: `p99 <= T` holds when at most 1 % of requests were slower than T or did not succeed. Failed "
    "requests count as infinitely slow, so a fast error cannot flatter it.",
    "send lag": "How late a request left, against its due time. Ours, not the target's; above its limit: INVALID.",
    "headroom": "Rate shown inside the SLOs / forecast peak - 1. The peak is a mean over a minute, so a moving load is "
    "held against it by its busiest planned minute. Negative: the peak was not reached.",
    "capacity": "A bracket: proven (highest rate with a PASS), estimate, disproven (lowest rate with a FAIL).",
    "design effect": "Requests near one another are not independent: n_eff = n / design effect is what they are worth.",
}

OUTCOMES = {
    "ok": "Answered, whole and well-formed.",
    "degraded": "Answered in degraded mode, as the plan's signals tell: a success that goodput does not count.",
    "throttled": "429, or a quota error inside the answer. Neither a success nor a capacity finding of the app.",
    "server_error": "A 5xx, or an error object inside a 200.",
    "client_error": "A 4xx but 429, or a redirect: redirects are not followed.",
    "timeout": "The deadline passed, or no byte came for longer than the idle limit.",
    "refused": "The connection was not accepted.",
    "reset": "The connection was cut before the answer's headers.",
    "truncated": "The answer ended before its end: no end marker, cut in the body, reset after the headers.",
    "malformed": "The answer does not parse: bad HTTP, bad encoding, a bad event in the stream.",
    "wrong_shape": "It parses and is not the answer: no content, another request's nonce, a check that failed.",
    "too_large": "Larger than the body or header cap.",
    "cancelled": "Still open when the run was stopped.",
    "not_sent": "Never sent: the in-flight bound was full, the generator was late, or the run stopped.",
    "lost_with_worker": "Planned for a generator process that died before it reported.",
}

REASONS = {
    "none": "Nothing to add to the outcome.",
    "deadline": "The total deadline of the request passed.",
    "idle": "No byte for longer than the idle limit.",
    "in_band_error": "HTTP 200 with an error object in the body or the stream.",
    "no_end_marker": "A clean end of the stream without its end marker or finish reason.",
    "cut_in_body": "The connection ended inside a content-length or chunked body.",
    "reset_in_body": "A reset after the headers.",
    "empty_stream": "The stream ended well and held no content.",
    "short_encoding": "A compressed body that ended before its own trailer.",
    "bad_event": "An event of the stream that does not parse.",
    "bad_http": "Not HTTP/1.1 as it should be.",
    "bad_encoding": "A content encoding that does not decode.",
    "nonce_missing": "The answer does not carry its own request's nonce: it is another request's answer.",
    "redirect": "A 3xx; redirects are not followed.",
    "body_cap": "A body larger than `body_limit`.",
    "header_cap": "Headers larger than the cap.",
    "trailer_error": "An error in a declared trailer.",
    "check_failed": "A check of the plan or the journey on the answer did not hold.",
    "length_off": "The answer's length is not the one asked for.",
    "journey_error": "The journey's own code raised.",
    "reuse_race": "A kept-alive connection closed as the request went out.",
    "in_flight_bound": "As many requests were open as `limits.in_flight` allows.",
    "stopped": "The run was stopped, or its drain ended, before the answer came.",
    "late": "The generator came to it too late to fire it honestly.",
    "not_allowed": "The allowlist refused the resolved address.",
    "tls": "The TLS handshake or its certificate failed.",
    "client_dns": "Ours: the name did not resolve.",
    "client_ports": "Ours: no ephemeral port was free.",
    "client_descriptors": "Ours: no file descriptor was free (ulimit -n).",
    "client_other": "Ours: another failure of this machine.",
}

VERDICTS = {
    "PASS": "Every SLO is met with 99 % confidence and the measurement is sound: launch.",
    "FAIL": "An SLO is missed, or the system was unstable under the load: fix the system.",
    "INCONCLUSIVE": "A sound measurement, too thin or too near the limit: run longer. Why: TOO_SHORT, AT_LIMIT, "
    "CORRELATED, WARM_UP or COVERAGE.",
    "INVALID": "The measurement cannot be trusted (a gate is broken, evidence is missing): fix the run.",
    "TOO_SHORT": "Too few effective requests to decide.",
    "AT_LIMIT": "The truth is too near the limit to decide in reasonable time.",
    "CORRELATED": "Requests depend on each other so much that they carry little information.",
    "WARM_UP": "Met only because a slow start of the judged phase was left out: warm up before it.",
    "COVERAGE": "The judged phase is shorter than min_duration, or than 20 of the longest cycle.",
    "smoke": "A short run that says so: min_duration is waived, and the verdict is marked and claims less.",
}

EXIT_CODES = {
    "0": "PASS, or the command did what was asked.",
    "1": "A crash: a defect of this tool.",
    "2": "Usage or configuration: nothing was started.",
    "3": "Preflight or guard refused: machine, target or permission.",
    "4": "INCONCLUSIVE.",
    "5": "INVALID.",
    "97": "A rollback is not confirmed: a fault may still be active.",
    "98": "A drill's expectation was missed.",
    "99": "FAIL.",
    "130": "Interrupted (Ctrl-C).",
    "143": "Terminated.",
}

TOPICS = {
    "metrics": METRICS,
    "outcomes": OUTCOMES,
    "reasons": REASONS,
    "verdicts": VERDICTS,
    "exit-codes": EXIT_CODES,
}


@dataclass(frozen=True)
class Entry:
    name: str
    topic: str
    text: str


def look_up(term: str) -> list[Entry]:
    """The entries of a term or of a topic; all of them where `term` is empty. Raises UsageError for an unknown one."""
    wanted = _folded(term)
    entries = [Entry(name, topic, text) for topic, names in TOPICS.items() for name, text in names.items()]
    if not wanted:
        return entries
    found = [entry for entry in entries if wanted in (_folded(entry.topic), _folded(entry.topic).rstrip("s"))]
    found = found or [entry for entry in entries if _folded(entry.name) == wanted] or _plan_fields(wanted)
    if not found:
        names = {_folded(name): name for name in (*TOPICS, *(entry.name for entry in entries))}
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
        meant = f", did you mean '{names[near[0]]}'?" if near else ""
        raise UsageError(Problem(f"no entry for {term!r}{meant}", f"topics: {', '.join(TOPICS)}, plan-fields"))
    return found


def _plan_fields(wanted: str) -> list[Entry]:
    """Fields of the plan file: by whole path, else by name alone (`in_flight`)."""
    from harness.config.reference import fields

    entries = [Entry(path, "plan-fields", text) for path, text in fields()]
    if wanted == "plan fields":
        return entries
    whole = [entry for entry in entries if _folded(entry.name) == wanted]
    return whole or [entry for entry in entries if _folded(entry.name.rpartition(".")[2]) == wanted]


def _folded(name: str) -> str:
    return name.strip().lower().replace("_", " ").replace("-", " ")
