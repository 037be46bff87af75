from __future__ import annotations

import math
import re
from xml.etree import ElementTree as Tree

import numpy as np
import pytest

from harness.analysis import Capacity
from harness.report import FaultBand, Report
from harness.report.charts import (
    HALF,
    NARROW,
    WIDE,
    Limit,
    Size,
    capacity_bar,
    exceedance_chart,
    latency_axis,
    load_chart,
)
from harness.report.series import Timed, exceedance, latencies_s, timeline
from harness.report.timeline_chart import Events, timeline_chart

SVG = "{http://www.w3.org/2000/svg}"
TTFT = Limit("ttft p95", 0.95, 2.0, 0.05)


def drawn(source: str | None) -> Tree.Element:
    """The picture as XML, every number of it finite and inside the drawing."""
    assert source is not None
    root = Tree.fromstring(source)
    assert not re.search(r"\bnan\b|\binf\b", source)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        for name, limit in (
            ("x", width),
            ("cx", width),
            ("x1", width),
            ("x2", width),
            ("y", height),
            ("cy", height),
            ("y1", height),
            ("y2", height),
        ):
            if name in element.attrib:
                assert -1 <= float(element.attrib[name]) <= limit + 1, (element.tag, name, element.attrib)
    return root


def titles(root: Tree.Element) -> str:
    return " | ".join(t.text or "" for t in root.iter(f"{SVG}title"))


@pytest.mark.parametrize(
    "capacity",
    [
        Capacity(47.6, 52, 56, 60),
        Capacity(proven=24.0, forecast_peak=22.5),
        Capacity(disproven=5.0, forecast_peak=5.0),
        Capacity(forecast_peak=40.0),
        Capacity(proven=1e-3),
        Capacity(10, 10.1, 10.2, 10_000),
        Capacity(10_000, None, 11_000, 3),
    ],
)
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_capacity_bar_tells_its_rates(capacity: Capacity, size: Size) -> None:
    told = titles(drawn(capacity_bar(capacity, size)))
    for name in ("proven", "disproven", "estimate", "forecast_peak"):
        assert (name.replace("_", " ") in told) == (getattr(capacity, name) is not None) or (
            name == "proven" and capacity.disproven
        )


def test_nothing_known_nothing_drawn() -> None:
    assert capacity_bar(Capacity(), WIDE) is None


@pytest.mark.parametrize("size", [Size(1100), NARROW])
def test_charts_of_every_run_are_whole(named_report: tuple[str, Report], size: Size) -> None:
    _, report = named_report
    assert report.rows is not None
    assert report.evidence is not None
    data = timeline(report.rows, report.evidence, Timed("ttft", 0.95), ("peak",))
    assert data is not None
    events = Events(report.evidence.phases or (), report.faults, report.run.at)
    drawn(timeline_chart(data, TTFT, events, size))
    drawn(load_chart(data, TTFT, report.verdict.capacity, size))
    curve = exceedance(latencies_s(report.rows.arrivals(), "ttft"))
    assert curve is not None
    drawn(exceedance_chart(curve, TTFT, size))


def test_a_quota_cut_shows_as_crosses_and_as_a_share_of_failures(reports: dict[str, Report]) -> None:
    good, bad = (
        drawn(load_chart(data, TTFT, Capacity(), WIDE))
        for name in ("pass", "fail")
        if (data := timeline(reports[name].rows, None, Timed("ttft", 0.95))) is not None  # type: ignore[arg-type] -- a table of facts
    )
    crosses = [sum(t.text == "\u00d7" for t in root.iter(f"{SVG}text")) for root in (good, bad)]
    assert crosses[0] == 0
    assert crosses[1] >= 20


def test_the_curve_rests_on_the_share_that_failed(reports: dict[str, Report]) -> None:
    rows = reports["fail"].rows
    assert rows is not None
    curve = exceedance(latencies_s(rows.arrivals(), "ttft"))
    assert curve is not None
    words = [t.text for t in drawn(exceedance_chart(curve, TTFT, HALF)).iter(f"{SVG}text")]
    assert any("never succeeded" in (w or "") for w in words)


def test_a_wide_span_of_latencies_is_drawn_on_a_log_scale() -> None:
    axis = latency_axis([np.array([0.01, 30.0, math.inf, math.nan])], 2.0, 0, 100)
    assert axis.log
    assert axis.at(30.0) < axis.at(2.0) < axis.at(0.01)
    assert axis.at(math.inf) == 0
    assert not latency_axis([np.array([0.5, 1.0])], 2.0, 0, 100).log


def test_one_arrival_is_enough_to_draw(reports: dict[str, Report]) -> None:
    from harness.results import Rows

    rows = reports["pass"].rows
    assert rows is not None
    one = Rows(rows.array[:1], rows.catalog)
    data = timeline(one, None, Timed("ttft", 0.95))
    assert data is not None
    drawn(timeline_chart(data, TTFT, Events((), (), lambda s: f"{s:.0f} s"), WIDE))
    drawn(load_chart(data, TTFT, Capacity(), WIDE))


def test_faults_that_begin_together_are_named_in_one_line(reports: dict[str, Report]) -> None:
    rows = reports["pass"].rows
    assert rows is not None
    data = timeline(rows, None, Timed("ttft", 0.95), width_s=1.0)
    assert data is not None
    assert data.width_s == 1.0
    spans = (("llm/a", "throttle", 5, 50), ("llm/a", "hint", 5, 50), ("v", "cut", data.edges_s[-1] * 0.45, 60))
    faults = [FaultBand(on, fault, start, end) for on, fault, start, end in spans]
    root = drawn(timeline_chart(data, TTFT, Events((), faults, lambda s: f"{s:.0f} s"), WIDE))
    labels = [t.text for t in root.iter(f"{SVG}text") if " on " in (t.text or "")]
    assert labels == ["throttle on llm/a, hint on llm/a", "cut on v"]
