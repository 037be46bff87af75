"""The mix of journeys over the peak stretch: stacked shares, and the same as a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.forecast import Peak
from harness.report import svg, words
from harness.report.charts import Size, grid, time_axis
from harness.report.series import Floats

HEIGHT = 150
_ROLES = ("soft", "throttled", "network", "timeout", "stream", "good", "other")
"""Fill of each band from the bottom; journeys beyond share the last one."""
_LEGIBLE = 15.0


@dataclass(frozen=True)
class JourneyShare:
    """A row of the table: the share of all requests, and its range over time (empty where it does not move)."""

    name: str
    share: str
    over_time: str


def journey_shares(peak: Peak) -> list[JourneyShare]:
    total = sum(peak.mix.values())
    rows = []
    for index, (name, share) in enumerate(peak.mix.items()):
        moved = "" if peak.mix_over_time is None else _range(peak.mix_over_time.shares[:, index])
        rows.append(JourneyShare(name, words.share(share / total), moved))
    return rows


def _range(shares: Floats) -> str:
    return f"{words.share(float(shares.min()))} to {words.share(float(shares.max()))}"


def mix_chart(peak: Peak, size: Size) -> str:
    """Bands from 0 to 100 %, the first journey at the bottom; empty where the mix does not move."""
    mix = peak.mix_over_time
    if mix is None:
        return ""
    axis, y_axis = time_axis(peak.duration_s, size), svg.Axis(0, 1, HEIGHT - 26, 10)
    parts = grid(y_axis, [0, 0.5, 1], ["0", "50 %", "100 %"], size)
    edges = np.repeat(np.append(mix.starts_s, peak.duration_s), 2)[1:-1]
    tops = np.cumsum(mix.shares, axis=1)
    middles = (np.append(mix.starts_s[1:], peak.duration_s) + mix.starts_s) / 2
    for index, name in enumerate(mix.names):
        below = tops[:, index] - mix.shares[:, index]
        upper, lower = (
            [(axis.at(float(x)), y_axis.at(float(y))) for x, y in zip(edges, np.repeat(v, 2), strict=True)]
            for v in (tops[:, index], below)
        )
        parts.append(svg.area(upper, lower, _ROLES[min(index, len(_ROLES) - 1)], alpha=0.75))
        widest = int(np.argmax(mix.shares[:, index]))
        if (y_axis.at(0) - y_axis.at(1)) * mix.shares[widest, index] >= _LEGIBLE:
            x = min(max(axis.at(float(middles[widest])), axis.start + 30), axis.end - 30)
            y = y_axis.at(float(below[widest] + mix.shares[widest, index] / 2)) + 4
            parts.append(svg.text(x, y, name[:24], "text", anchor="middle", size=11))
    for part in range(3):
        at_s, anchor = peak.duration_s * part / 2, ("start", "middle", "end")[part]
        parts.append(svg.text(axis.at(at_s), HEIGHT - 8, words.day_clock(at_s), anchor=anchor, size=11))
    return svg.picture(size.width, HEIGHT, "Share of each journey over the peak stretch", parts)
