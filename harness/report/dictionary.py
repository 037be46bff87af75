"""What the words of the report mean: the method and the metric dictionary at its end, the same in every report."""

from __future__ import annotations

METRICS = {
    "response time": """From the moment the arrival was due, not from the moment it was sent: time spent waiting in the
        generator counts too.""",
    "ttft": "Time to first token: due to the first non-empty content. A role-only or empty delta is not one.",
    "e2e": "Due to the last byte of the answer.",
    "tpot": "Time per output token: (last token - first token) / (tokens out - 1), for answers of two tokens or more.",
    "errors": "Every terminal outcome but ok and degraded, throttling (429) included.",
    "goodput": "Requests that met every limit, of all that were attempted. A degraded answer does not count.",
    "degraded": "A success in degraded mode, by the signal that the plan declares.",
    "offered load": "Arrivals due a second, open loop: they come whether or not earlier ones were answered.",
    "headroom": "Highest rate proven inside the SLOs / forecast peak - 1.",
}

METHOD = (
    """An SLO such as "p99 <= 800 ms" is judged as a share: at most 1 % of the requests were slower or did not succeed.
    A failed request is infinitely slow, so failing fast never flatters a percentile.""",
    """Requests near saturation are not independent. The effective n is the number of independent requests that carry
    the same information (n / design effect); the intervals are exact one-sided binomial (Clopper-Pearson) bounds on it.
    """,
    """MET: the upper bound is inside the SLO. MISSED: the lower bound is outside. UNDECIDED: neither.""",
    """PASS needs every blocking check MET and every gate held. What is missing makes the run INVALID: no data is never
    good news.""",
)
