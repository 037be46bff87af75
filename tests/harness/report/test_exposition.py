from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

from harness.report.exposition import END, as_prometheus, family

ANY_TEXT = st.text(max_size=40)
NUMBERS = st.floats(allow_nan=False)


def page() -> str:
    return "\n".join([
        *family("x_run", "Which run.", [({"id": "7"}, 1.0)], kind="info"),
        *family("x_word", "The word.", [({"x_word": "PASS"}, 1.0), ({"x_word": "FAIL"}, 0.0)], kind="stateset"),
        *family("x_sent", "Sent.", [({}, 12.0)], kind="counter"),
        *family("x_lag_seconds", "Lag.", [({"of": 'a "b"\\'}, 0.5)], unit="seconds"),
        *family("x_unknown", "Nobody knows.", [({}, None), ({}, math.nan)]),
        END,
    ])  # fmt: skip


def samples(families: object) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}  # type: ignore[attr-defined]


def test_both_formats_carry_the_same_samples() -> None:
    new = samples(openmetrics_families(page()))  # type: ignore[no-untyped-call]
    old = samples(prometheus_families(as_prometheus(page())))  # type: ignore[no-untyped-call]
    assert new == old
    assert old["x_sent_total", ()] == 12.0
    assert old["x_lag_seconds", (("of", 'a "b"\\'),)] == 0.5
    assert not any(name == "x_unknown" for name, _ in old)


def test_the_older_format_names_no_type_that_its_readers_do_not_know() -> None:
    text = as_prometheus(page())
    kinds = {row.split(" ")[3] for row in text.splitlines() if row.startswith("# TYPE")}
    assert kinds == {"gauge", "counter"}
    assert "# TYPE x_sent_total counter" in text and "# TYPE x_run_info gauge" in text
    assert "# EOF" not in text and "# UNIT" not in text


@given(st.lists(st.tuples(ANY_TEXT, NUMBERS), min_size=1, max_size=5, unique_by=lambda pair: pair[0]))
def test_any_label_and_any_number_come_through(pairs: list[tuple[str, float]]) -> None:
    labels = [{"name": text, "row": str(i)} for i, (text, _) in enumerate(pairs)]
    text = "\n".join([*family("x", "x", [(of, n) for of, (_, n) in zip(labels, pairs, strict=True)]), END])
    (found,) = openmetrics_families(text)  # type: ignore[no-untyped-call]
    assert [sample.value for sample in found.samples] == [number for _, number in pairs]
    (older,) = prometheus_families(as_prometheus(text))  # type: ignore[no-untyped-call]
    assert [sample.labels for sample in older.samples] == [sample.labels for sample in found.samples]
