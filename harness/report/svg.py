"""The few strokes a chart is made of. Colours are presentation attributes, so a page whose styles a strict content
policy blocks still shows its charts; the classes let the style sheet recolour them for dark mode and print."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

INK = {
    "text": "#1c2024",
    "muted": "#60656d",
    "rule": "#e3e5e9",
    "planned": "#8a9099",
    "main": "#2457a6",
    "soft": "#7fa3d8",
    "limit": "#b3261e",
    "peak": "#60656d",
    "band": "#f3f4f7",
    "judged": "#e6eefb",
    "fault": "#f8dfb0",
    "good": "#1b7a43",
    "bad": "#b3261e",
    "open": "#9a6700",
    "throttled": "#d99a1c",
    "timeout": "#7b5ea7",
    "server_error": "#b3261e",
    "degraded": "#7fa3d8",
    "stream": "#c2566f",
    "network": "#3f8f8b",
    "ours": "#60656d",
    "other": "#a3773f",
}
"""Role -> colour on white. `styles.css` holds the dark counterparts under the same class names, `c-<role>` as fill
and `s-<role>` as stroke."""


@dataclass(frozen=True)
class Axis:
    """A scale from `low..high` onto `start..end` pixels; logarithmic where asked. Values outside are clamped."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        if self.log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)


def round_ticks(high: float, about: int = 4) -> list[float]:
    """0 and about `about` round steps (1, 2, 2.5 or 5 times a power of ten), the last one at or over `high`."""
    high = high if math.isfinite(high) and high > 0 else 1.0
    raw = high / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    return [i * step for i in range(math.ceil(high / step - 1e-9) + 1)]


def log_ticks(low: float, high: float, steps: Sequence[float] = (1, 2, 5)) -> list[float]:
    """`steps` times powers of ten within `low..high`."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [m * 10.0**p for p in powers for m in steps]
    return [t for t in ticks if low * 0.999 <= t <= high * 1.001]


def path(points: Sequence[tuple[float, float]], role: str, *, width: float = 1.5, dash: str = "") -> str:
    """A polyline; a point whose y is NaN breaks it."""
    commands, pen = [], "M"
    for x, y in points:
        if math.isnan(y):
            pen = "M"
            continue
        commands.append(f"{pen}{_n(x)} {_n(y)}")
        pen = "L"
    if not commands:
        return ""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path class="s-{role}" d="{"".join(commands)}" fill="none" stroke="{INK[role]}" stroke-width="{_n(width)}"'
        f' stroke-linejoin="round" stroke-linecap="round"{dashed}/>'
    )


def area(
    top: Sequence[tuple[float, float]], bottom: Sequence[tuple[float, float]], role: str, *, alpha: float = 1
) -> str:
    """The surface between two polylines of equal x."""
    if not top:
        return ""
    outline = "L".join(f"{_n(x)} {_n(y)}" for x, y in [*top, *reversed(bottom)])
    return f'<path class="c-{role}" d="M{outline}Z" fill="{INK[role]}"{_alpha(alpha)}/>'


def rule(x1: float, y1: float, x2: float, y2: float, role: str = "rule", *, width: float = 1, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line class="s-{role}" x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" stroke="{INK[role]}"'
        f' stroke-width="{_n(width)}"{dashed}/>'
    )


def box(x: float, y: float, width: float, height: float, role: str, *, alpha: float = 1, title: str = "") -> str:
    named = f"<title>{html.escape(title)}</title>" if title else ""
    head = f'<rect class="c-{role}" x="{_n(x)}" y="{_n(y)}" width="{_n(max(0.0, width))}" height="{_n(height)}"'
    return f'{head} fill="{INK[role]}"{_alpha(alpha)}' + (f">{named}</rect>" if named else "/>")


def dot(x: float, y: float, role: str, *, radius: float = 3, alpha: float = 1, title: str = "") -> str:
    named = f"<title>{html.escape(title)}</title>" if title else ""
    return f'<circle class="c-{role}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{INK[role]}"{_alpha(alpha)}' + (
        f">{named}</circle>" if named else "/>"
    )


def text(x: float, y: float, words: str, role: str = "muted", *, anchor: str = "start", size: int = 12) -> str:
    """Words at a baseline; `anchor` is `start`, `middle` or `end`."""
    return (
        f'<text class="c-{role}" x="{_n(x)}" y="{_n(y)}" fill="{INK[role]}" font-size="{size}"'
        f' text-anchor="{anchor}">{html.escape(words)}</text>'
    )


def picture(width: int, height: int, name: str, parts: Sequence[str]) -> str:
    """The whole drawing, named for those who do not see it."""
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' font-family="system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif"'
        f' xmlns="http://www.w3.org/2000/svg"><title>{html.escape(name)}</title>{"".join(parts)}</svg>'
    )


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _alpha(alpha: float) -> str:
    return "" if alpha >= 1 else f' fill-opacity="{alpha:g}"'
