"""The conductor of a run: the one room that reads clocks, starts processes and joins all others."""

from harness.run.conductor import Finished, Watch, run_now, run_plan
from harness.run.demo import write_demo
from harness.run.drill_catalogue import clear_faults, emit_schedule, faults_in_force, list_drills
from harness.run.drill_inputs import DrillInputs, read_drill
from harness.run.drill_judging import DrillFinished
from harness.run.drilling import drill_now, run_drill
from harness.run.exports import export_run
from harness.run.forecasting import forecast_file
from harness.run.foreign import judge_any, judge_rows
from harness.run.inputs import Inputs, read_inputs, read_text
from harness.run.judging import judge_run, verdict_document
from harness.run.mocks import MockFleet, serve_mocks
from harness.run.planning import Load

__all__ = [
    "DrillFinished",
    "DrillInputs",
    "Finished",
    "Inputs",
    "Load",
    "MockFleet",
    "Watch",
    "clear_faults",
    "drill_now",
    "emit_schedule",
    "export_run",
    "faults_in_force",
    "forecast_file",
    "judge_any",
    "judge_rows",
    "judge_run",
    "list_drills",
    "read_drill",
    "read_inputs",
    "read_text",
    "run_drill",
    "run_now",
    "run_plan",
    "serve_mocks",
    "verdict_document",
    "write_demo",
]
