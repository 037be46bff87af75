"""The conductor of a run: the one room that reads clocks, starts processes and joins all others."""

from harness.run.capacity import Audience, Effort
from harness.run.capacity_report import FoundCapacity, capacity_report, search_capacity, search_document
from harness.run.comparing import Compared, compare_runs, find_run, read_side, set_baseline, stored_report
from harness.run.conductor import Finished, Watch, run_now, run_plan
from harness.run.demo import write_demo
from harness.run.exports import export_run
from harness.run.forecasting import forecast_file
from harness.run.foreign import judge_any, judge_rows
from harness.run.inputs import Inputs, read_inputs, read_text
from harness.run.judging import judge_run, verdict_document
from harness.run.looking import SloWatch, live_plan
from harness.run.mocks import MockFleet, serve_mocks
from harness.run.planning import Load

__all__ = [
    "Audience",
    "Compared",
    "Effort",
    "Finished",
    "FoundCapacity",
    "Inputs",
    "Load",
    "MockFleet",
    "SloWatch",
    "Watch",
    "capacity_report",
    "compare_runs",
    "export_run",
    "find_run",
    "forecast_file",
    "judge_any",
    "judge_rows",
    "judge_run",
    "live_plan",
    "read_inputs",
    "read_side",
    "read_text",
    "run_now",
    "run_plan",
    "search_capacity",
    "search_document",
    "serve_mocks",
    "set_baseline",
    "stored_report",
    "verdict_document",
    "write_demo",
]
