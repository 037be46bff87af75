import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import SloError, parse_slo
from harness.analysis.slo import BAD_SHARES, LATENCIES, Kind


def test_a_latency_with_a_scope() -> None:
    slo = parse_slo("ttft p99 <= 2s where journey=chat, phase=peak", source="slo.yaml:3:5")
    assert (slo.metric, slo.kind, slo.operator, slo.limit, slo.unit) == ("ttft", Kind.QUANTILE, "<=", 2.0, "s")
    assert slo.quantile == 0.99
    assert slo.allowed_share == 0.01
    assert slo.where == {"journey": "chat", "phase": "peak"}
    assert (slo.gate, slo.source) == ("block", "slo.yaml:3:5")


@pytest.mark.parametrize(
    ("text", "metric", "limit", "allowed"),
    [
        ("errors < 0.5%", "errors", 0.005, 0.005),
        ("throttled < 1%", "throttled", 0.01, 0.01),
        ("degraded <= 5 %", "degraded", 0.05, 0.05),
        ("goodput >= 98% {ttft: 2s, tpot: 80ms}", "goodput", 0.98, 0.02),
        ("success >= 99.9%", "success", 0.999, 0.001),
        ("e2e p99.9 < 8s", "e2e", 8.0, 0.001),
        ("gap p95 <= 400ms", "gap", 0.4, 0.05),
        ("tokens/s p5 >= 20", "tokens/s", 20.0, 0.05),
    ],
)  # fmt: skip
def test_shares_and_quantiles(text: str, metric: str, limit: float, allowed: float) -> None:
    slo = parse_slo(text)
    assert (slo.metric, slo.limit) == (metric, limit)
    assert slo.allowed_share == pytest.approx(allowed, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "limit"),
    [("amplification <= 1.5", "ratio", 1.5), ("amplification <= 2x", "ratio", 2.0), ("tokens/s >= 500", "1/s", 500.0),
     ("tokens/s >= 30k/min", "1/s", 500.0), ("cost <= 5 USD per 1k requests", "USD", 5.0),
     ("cost < 0.5 EUR", "EUR", 0.5)],
)  # fmt: skip
def test_means(text: str, unit: str, limit: float) -> None:
    slo = parse_slo(text)
    assert (slo.kind, slo.unit, slo.limit) == (Kind.MEAN, unit, limit)
    assert math.isnan(slo.allowed_share)


def test_goodput_carries_its_limits() -> None:
    assert parse_slo("goodput >= 98% {ttft: 2s, tpot: 80ms} where step=answer").limits == (
        ("ttft", 2.0),
        ("tpot", 0.08),
    )


@pytest.mark.parametrize(
    "text", ["warn e2e p95 <= 8s", "e2e p95 <= 8s warn", "warn e2e p95 <= 8s where tenant=a b=c"[:33] + " warn"]
)
def test_a_gate_before_or_after(text: str) -> None:
    assert parse_slo(text).gate == "warn"


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("tfft p99 <= 2s", 0, "did you mean 'ttft'"),
        ("latency p99 <= 2s", 0, "did you mean 'e2e'"),
        ("zzz < 1%", 0, "metrics: ttft"),
        ("ttft <= 2s", 5, "needs a percentile"),
        ("ttft mean <= 2s", 9, "not 'mean'"),
        ("ttft p100 <= 2s", 4, "p100"),
        ("errors p99 < 1%", 7, "has no percentile"),
        ("ttft p99 >= 2s", 9, "asks for the worse"),
        ("goodput <= 98%", 8, "asks for the worse"),
        ("ttft p99 <= 2", 12, "not a duration"),
        ("ttft p99 <= 0s", 12, "above zero"),
        ("errors < 0%", 9, "can never be shown"),
        ("errors < 0.005", 9, "not a share"),
        ("errors 0.5%", 7, "no comparison"),
        ("errors <", 8, "no limit"),
        ("e2e p95 <= 2s where jurney=chat", 20, "not a scope"),
        ("e2e p95 <= 2s where journey", 27, "no name"),
        ("e2e p95 <= 2s where journey=a, journey=b", 31, "twice"),
        ("goodput >= 98% {ttft: 2s", 15, "open brace"),
        ("goodput >= 98% {ttft=2s}", 16, "not a limit"),
        ("errors < 1% {ttft: 2s}", 12, "only goodput"),
        ("tokens/s p95 >= 20", 9, "fastest"),
        ("", 0, "no metric"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_where_and_what_to_write(text: str, position: int, says: str) -> None:
    with pytest.raises(SloError) as caught:
        parse_slo(text)
    assert says in str(caught.value)
    assert caught.value.position == position
    assert isinstance(caught.value, ValueError)


@given(st.text(max_size=40))
def test_any_text_parses_or_raises_a_value_error_inside_the_text(text: str) -> None:
    try:
        parse_slo(text)
    except SloError as error:
        assert 0 <= error.position <= len(text)


@given(metric=st.sampled_from(LATENCIES), percent=st.integers(1, 99), limit_ms=st.integers(1, 10**6))
def test_every_latency_and_percentile_round_trips(metric: str, percent: int, limit_ms: int) -> None:
    slo = parse_slo(f"{metric} p{percent} <= {limit_ms}ms")
    assert slo.limit == pytest.approx(limit_ms / 1e3)
    assert round(slo.allowed_share * 100) == 100 - percent


@given(metric=st.sampled_from(BAD_SHARES), tenths=st.integers(1, 999))
def test_every_outcome_class_is_a_metric(metric: str, tenths: int) -> None:
    assert parse_slo(f"{metric} < {tenths / 10}%").allowed_share == pytest.approx(tenths / 1000)
