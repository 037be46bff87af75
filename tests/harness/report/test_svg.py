from __future__ import annotations

import math
import re
from importlib import resources

from hypothesis import given
from hypothesis import strategies as st

from harness.report import svg


@given(st.floats(1e-6, 1e9), st.integers(1, 8))
def test_ticks_reach_the_top_and_are_round(high: float, about: int) -> None:
    ticks = svg.round_ticks(high, about)
    assert ticks[0] == 0
    assert ticks[-1] >= high * (1 - 1e-6)
    assert len(ticks) <= about + 2


@given(st.floats(1e-5, 1e3), st.floats(1.5, 1e6))
def test_log_ticks_are_inside(low: float, factor: float) -> None:
    assert all(low * 0.99 <= t <= low * factor * 1.01 for t in svg.log_ticks(low, low * factor))


@given(st.floats(allow_nan=False), st.booleans())
def test_an_axis_never_leaves_its_edges(value: float, log: bool) -> None:
    assert 10 <= svg.Axis(0.1, 100, 10, 90, log).at(value) <= 90


def test_a_gap_breaks_the_line() -> None:
    drawn = svg.path([(0, 1), (1, 2), (2, math.nan), (3, 4)], "main")
    assert 'd="M0 1L1 2M3 4"' in drawn
    assert svg.path([(0, math.nan)], "main") == ""


def test_words_are_escaped() -> None:
    assert "&lt;script&gt;" in svg.text(0, 0, "<script>")
    assert "&lt;b&gt;" in svg.box(0, 0, 1, 1, "main", title="<b>")
    assert "&amp;" in svg.picture(1, 1, "a & b", [])


def test_every_role_has_its_class_in_the_style_sheet() -> None:
    styles = (resources.files("harness.report") / "styles.css").read_text("utf-8")
    missing = [role for role in svg.INK if not re.search(rf"\.c-{role}\b", styles)]
    assert missing == []


def test_text_and_its_background_contrast() -> None:
    """WCAG AA: 4.5 to 1 for text, in the light and in the dark scheme."""
    styles = (resources.files("harness.report") / "styles.css").read_text("utf-8")
    light, dark = styles.split("prefers-color-scheme:dark", 1)
    for scheme in (light, dark):
        colours = dict(re.findall(r"--(\w+):(#[0-9a-f]{3,6})\b", scheme))
        for role in ("text", "muted", "good", "bad", "open", "odd", "main", "limit"):
            for back in ("paper", "band"):
                assert contrast(colours[role], colours[back]) >= 4.5, (role, back, colours[role])


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
