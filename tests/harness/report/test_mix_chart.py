from dataclasses import replace
from xml.etree import ElementTree

import numpy as np

from harness.forecast import Mix, Peak
from harness.report import forecast_html
from harness.report.charts import NARROW, WIDE
from harness.report.mix_chart import journey_shares, mix_chart

NAMES = ("chat", "<b>embed</b>")
PEAK = Peak(
    "OBSERVED",
    "s",
    3600.0,
    np.ones(24),
    mix=dict(zip(NAMES, (0.6, 0.4), strict=True)),
    mix_over_time=Mix(NAMES, np.array([0.0, 43_200.0]), np.array([[0.9, 0.1], [0.3, 0.7]])),
)
STILL = replace(PEAK, mix_over_time=None)


def test_the_table_says_the_share_and_its_range() -> None:
    assert [(row.name, row.share, row.over_time) for row in journey_shares(PEAK)] == [
        ("chat", "60 %", "30 % to 90 %"),
        ("<b>embed</b>", "40 %", "10 % to 70 %"),
    ]
    assert [row.over_time for row in journey_shares(STILL)] == ["", ""]


def test_the_bands_fill_the_height_at_every_size() -> None:
    for size in (WIDE, NARROW):
        picture = ElementTree.fromstring(mix_chart(PEAK, size))
        bands = [e.get("d") for e in picture.iter() if e.tag.endswith("path")]
        assert len(bands) == 2
        assert {e.text for e in picture.iter() if e.tag.endswith("text")} >= {"chat", "<b>embed</b>", "00:00", "24:00"}
    assert not mix_chart(STILL, WIDE)


def test_the_page_shows_both_and_escapes_their_names() -> None:
    page = forecast_html(PEAK)
    assert "Journeys over the peak stretch" in page
    assert "30 % to 90 %" in page
    assert "<b>embed" not in page
    still = forecast_html(STILL)
    assert "Journeys over the peak stretch" not in still
    assert "the same" in still
    assert ">Journeys<" not in forecast_html(replace(STILL, mix={}))
