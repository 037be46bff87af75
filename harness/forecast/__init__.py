"""From what the traffic was to the peak that must be survived, and to the arrivals of a run. Pure: no clock, no
file, no socket; texts, numbers and seeds come in as arguments."""

from harness.forecast.arrivals import ARRIVAL_DTYPE, ArrivalArray, Arrivals
from harness.forecast.burst import PRESETS
from harness.forecast.chart import ChartData, Curve, chart_data, chart_text
from harness.forecast.conformal import Level
from harness.forecast.forecast import Fan, Forecast, forecast_peak
from harness.forecast.formats import FORMATS, read_history
from harness.forecast.formats.rate_series import rate_series
from harness.forecast.generate import generate_history
from harness.forecast.growth import Spread, Uplift
from harness.forecast.history import History, Intake, Issue, Requests
from harness.forecast.journeys import parse_patterns
from harness.forecast.launch import Bass, Launch, Logistic, launch_peak, on_top
from harness.forecast.lengthen import lengthened
from harness.forecast.mix import Mix, mix_words
from harness.forecast.peak import LABELS, OBSERVED_SAYS, Peak, Recorded
from harness.forecast.peak_json import peak_from_json, peak_to_json
from harness.forecast.peak_shape import shape_from_peak, with_warm_up
from harness.forecast.planner import plan_arrivals
from harness.forecast.segments import Segment, parse_segments, shape_from_segments
from harness.forecast.shape import PROCESSES, Burst, Phase, Shape

__all__ = [
    "ARRIVAL_DTYPE",
    "FORMATS",
    "LABELS",
    "OBSERVED_SAYS",
    "PRESETS",
    "PROCESSES",
    "ArrivalArray",
    "Arrivals",
    "Bass",
    "Burst",
    "ChartData",
    "Curve",
    "Fan",
    "Forecast",
    "History",
    "Intake",
    "Issue",
    "Launch",
    "Level",
    "Logistic",
    "Mix",
    "Peak",
    "Phase",
    "Recorded",
    "Requests",
    "Segment",
    "Shape",
    "Spread",
    "Uplift",
    "chart_data",
    "chart_text",
    "forecast_peak",
    "generate_history",
    "launch_peak",
    "lengthened",
    "mix_words",
    "on_top",
    "parse_patterns",
    "parse_segments",
    "peak_from_json",
    "peak_to_json",
    "plan_arrivals",
    "rate_series",
    "read_history",
    "shape_from_peak",
    "shape_from_segments",
    "with_warm_up",
]
