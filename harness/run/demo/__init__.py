"""The demo: two weeks of generated history -> forecast -> a slice of its peak against copilot on the embedded mocks."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness import forecast, store

HERE = Path(__file__).resolve().parent
HISTORY_SEED = 20
HISTORY_PEAK_PER_S = 14.5
"""history.csv is `generate_history(HISTORY_SEED, peak_per_s=HISTORY_PEAK_PER_S)`, kept as a file to be looked at."""


def write_demo(folder: Path) -> tuple[Path, forecast.Forecast]:
    """Write history.csv, peak.json, plan.yaml and slo.yaml into `folder`; returns the plan's path and the forecast.

    Files of an earlier demo are replaced: they hold nothing but what is written here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = (HERE / "history.csv").read_text("utf-8")
    store.write_text(folder / "history.csv", text)
    found = forecast.forecast_peak(forecast.read_history(text, "history.csv"))
    store.write_text(folder / "peak.json", forecast.peak_to_json(found.peak))
    for name in ("plan.yaml", "slo.yaml"):
        shutil.copyfile(HERE / name, folder / name)
    return folder / "plan.yaml", found
