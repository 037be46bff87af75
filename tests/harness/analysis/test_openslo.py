import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import parse_slo
from harness.analysis.openslo import slo_to_openslo, slos_from_openslo
from harness.analysis.slo import BAD_SHARES, GOOD_SHARES, LATENCIES
from harness.errors import UsageError

shorts = st.one_of(
    st.builds(
        lambda m, p, v: f"{m} p{p} <= {v}ms", st.sampled_from(LATENCIES), st.integers(1, 99), st.integers(1, 99_999)
    ),
    st.builds(lambda m, v: f"{m} < {v / 100}%", st.sampled_from(BAD_SHARES), st.integers(1, 9999)),
    st.builds(lambda m, v: f"{m} >= {v / 100}%", st.sampled_from(GOOD_SHARES), st.integers(1, 9999)),
)
scoped = st.builds(
    lambda text, where, gate: text + where + gate,
    shorts,
    st.sampled_from(["", " where journey=chat", " where step=answer, tenant=a"]),
    st.sampled_from(["", " warn", " info"]),
)


@given(scoped)
def test_ratio_slos_come_back_as_they_went(text: str) -> None:
    slo = parse_slo(text, source="slo.yaml")
    assert slos_from_openslo(slo_to_openslo(slo, "assistant"), "slo.yaml") == (slo,)


def document(**spec: Any) -> dict[str, Any]:
    made = slo_to_openslo(parse_slo("success >= 99.5%"), "assistant")
    made["metadata"] = {"name": "availability"}
    made["spec"] |= spec
    return made


def test_a_foreign_ratio_is_a_share_of_successes() -> None:
    (slo,) = slos_from_openslo(document(), "a.yaml")
    assert (slo.metric, slo.limit, slo.source) == ("success", 0.995, "a.yaml")
    percent = document(objectives=[{"targetPercent": 99.9}, {"target": 0.95}])
    assert [s.limit for s in slos_from_openslo(percent, "a.yaml")] == [0.999, 0.95]
    named = document()
    named["metadata"]["annotations"] = {"peakproof/metric": "throttled"}
    assert slos_from_openslo(named, "a.yaml")[0].text == "throttled <= 0.5%"


def test_the_document_has_what_the_format_asks_for() -> None:
    made = slo_to_openslo(parse_slo("ttft p99 <= 2s where journey=chat"), "assistant")
    assert (made["apiVersion"], made["kind"]) == ("openslo/v1", "SLO")
    assert made["spec"]["objectives"][0]["target"] == 0.99
    assert set(made["spec"]["indicator"]["spec"]["ratioMetric"]) == {"counter", "good", "total"}
    assert made["metadata"]["name"] == "ttft-p99-2s-where-journey-chat"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: d.update(kind="SLI"), "not openslo/v1 SLO"),
        (lambda d: d["spec"].update(budgetingMethod="Timeslices"), "Occurrences"),
        (lambda d: d["spec"].update(objectives=[]), "no objectives"),
        (lambda d: d["spec"].update(objectives=[{"target": 1}]), "between 0 and 1"),
        (lambda d: d["spec"].update(objectives=[{"target": "99%"}]), "between 0 and 1"),
        (lambda d: d["spec"]["indicator"].update(spec={"thresholdMetric": {}}), "without ratioMetric"),
        (lambda d: d["spec"].pop("indicator"), "missing"),
        (lambda d: d["metadata"].update(annotations={"peakproof/slo": "ttft p90 <= 2s"}), "disagree"),
        (lambda d: d["metadata"].update(annotations={"peakproof/slo": "nonsense"}), "short form"),
    ],
)
def test_what_a_load_test_cannot_hold_is_refused(spoil: Any, says: str) -> None:
    spoiled = copy.deepcopy(document())
    spoil(spoiled)
    with pytest.raises(UsageError, match=says):
        slos_from_openslo(spoiled, "a.yaml")


def test_a_mean_is_no_ratio() -> None:
    with pytest.raises(ValueError, match="no ratio"):
        slo_to_openslo(parse_slo("amplification <= 1.5"), "assistant")
