"""Metric families as text: OpenMetrics 1.0, and the older text format of Prometheus made from it.

(https://prometheus.io/docs/specs/om/open_metrics_spec/, https://prometheus.io/docs/instrumenting/exposition_formats/)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from harness.report.plain import line

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
END = "# EOF\n"
Sample = tuple[Mapping[str, str], float | None]
_SUFFIX = {"info": "_info", "counter": "_total"}


def family(name: str, text: str, samples: Iterable[Sample], unit: str = "", kind: str = "gauge") -> list[str]:
    """The lines of one family, in OpenMetrics; none where every value is unknown (None or NaN). The name is without
    the suffix that its kind asks for, and ends with its unit."""
    known = [(labels, value) for labels, value in samples if value is not None and not math.isnan(value)]
    if not known:
        return []
    lines = [f"# TYPE {name} {kind}", *([f"# UNIT {name} {unit}"] if unit else []), f"# HELP {name} {text}"]
    for labels, value in known:
        pairs = ",".join(f'{key}="{_label(text)}"' for key, text in labels.items())
        lines.append(f"{name}{_SUFFIX.get(kind, '')}{{{pairs}}} {_number(value)}")
    return lines


def as_prometheus(openmetrics: str) -> str:
    """The same samples in the older text format, which knows gauges and counters only, each by its sample's name."""
    lines, suffix, kind = [], "", ""
    for row in openmetrics.splitlines():
        if row.startswith("# TYPE "):
            _, _, name, kind = row.split(" ")
            suffix = _SUFFIX.get(kind, "")
            lines.append(f"# TYPE {name}{suffix} {kind if kind == 'counter' else 'gauge'}")
        elif row.startswith("# HELP "):
            _, _, name, text = row.split(" ", 3)
            lines.append(f"# HELP {name}{suffix} {text}")
        elif not row.startswith("#"):
            lines.append(row)
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return line(text, 200).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))
