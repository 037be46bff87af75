"""From a history file to peak.json: the edge around the pure forecast."""

from __future__ import annotations

from pathlib import Path

from harness import forecast, store
from harness.run.inputs import read_text


def forecast_file(
    path: Path, out: Path | None, *, format_name: str, quantile: float, growth: float, horizon_days: int
) -> forecast.Forecast:
    """Forecast the peak of the history at `path`, and write it to `out` where one is given.

    Raises UsageError with the place of what cannot be read, or where no forecast can be made of it.
    """
    history = forecast.read_history(read_text(path), str(path), format_name)
    found = forecast.forecast_peak(history, quantile, growth, horizon_days)
    if out is not None:
        store.write_text(out, forecast.peak_to_json(found.peak))
    return found
