"""The conductor of a run: the one room that reads clocks, starts processes and joins all others."""

from harness.run.announcing import announce, previous_word, tell_github
from harness.run.capacity import Audience, Effort
from harness.run.capacity_report import FoundCapacity, capacity_report, search_capacity, search_document
from harness.run.comparing import Compared, compare_runs, find_run, read_side, set_baseline, stored_report
from harness.run.conductor import Finished, Watch, run_now, run_plan
from harness.run.demo import write_demo
from harness.run.drill_catalogue import (
    clear_faults,
    emit_schedule,
    faults_in_force,
    list_drills,
    standing_of,
    standings,
)
from harness.run.drill_inputs import DrillInputs, read_drill
from harness.run.drill_judging import DrillFinished, is_drill, judge_drill_again
from harness.run.drill_stopping import RunningDrill, running_drills
from harness.run.drilling import drill_now
from harness.run.exports import export_run
from harness.run.forecasting import Asked, Foreseen, foresee, spread_of, uplift_of, write_peak
from harness.run.foreign import judge_any, judge_rows
from harness.run.inputs import Inputs, read_inputs, read_text
from harness.run.judging import judge_run, verdict_document
from harness.run.looking import SloWatch, live_plan
from harness.run.mock_admin import LEASE_LIMIT_S, MockAdmin, running_admin
from harness.run.mocks import MockFleet, serve_mocks
from harness.run.planning import Load
from harness.run.prometheus import Query, query_range

__all__ = [
    "LEASE_LIMIT_S",
    "Asked",
    "Audience",
    "Compared",
    "DrillFinished",
    "DrillInputs",
    "Effort",
    "Finished",
    "Foreseen",
    "FoundCapacity",
    "Inputs",
    "Load",
    "MockAdmin",
    "MockFleet",
    "Query",
    "RunningDrill",
    "SloWatch",
    "Watch",
    "announce",
    "capacity_report",
    "clear_faults",
    "compare_runs",
    "drill_now",
    "emit_schedule",
    "export_run",
    "faults_in_force",
    "find_run",
    "forecast_file",
    "foresee",
    "is_drill",
    "judge_any",
    "judge_drill_again",
    "judge_rows",
    "judge_run",
    "list_drills",
    "live_plan",
    "previous_word",
    "query_range",
    "read_drill",
    "read_inputs",
    "read_side",
    "read_text",
    "run_now",
    "run_plan",
    "running_admin",
    "running_drills",
    "search_capacity",
    "search_document",
    "serve_mocks",
    "set_baseline",
    "spread_of",
    "standing_of",
    "standings",
    "stored_report",
    "tell_github",
    "uplift_of",
    "verdict_document",
    "write_demo",
    "write_peak",
]
