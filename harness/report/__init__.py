"""Verdict -> terminal, HTML, JUnit, Markdown, CSV, Parquet, OpenMetrics, messages: one module a format, all pure."""

from harness.report.annotations import github_annotations, gitlab_code_quality
from harness.report.breakdown import slowest
from harness.report.compare import change_sentences, differences_text
from harness.report.drill_json import drill_document
from harness.report.drill_junit import drill_junit
from harness.report.drill_model import DrillReport
from harness.report.drill_openmetrics import drill_openmetrics
from harness.report.drill_page import drill_html
from harness.report.drill_summary import drill_summary
from harness.report.forecast_page import forecast_html
from harness.report.junit import junit
from harness.report.live import HEIGHT as LIVE_HEIGHT
from harness.report.live import LivePlan, LiveSlo, Moment, live_lines, log_lines
from harness.report.live_metrics import RunLabels, live_metrics
from harness.report.markdown import markdown
from harness.report.model import Dependency, FaultBand, Report, Run, SearchStep, SlowRequest
from harness.report.notify import is_news, slack_message, webhook_payload
from harness.report.openmetrics import openmetrics
from harness.report.page import html
from harness.report.past import drills_text, history_text, stands, trend_text
from harness.report.past_page import comparison_html, history_html
from harness.report.rows_csv import rows_csv
from harness.report.rows_parquet import rows_parquet
from harness.report.summary import summary_text

__all__ = [
    "LIVE_HEIGHT",
    "Dependency",
    "DrillReport",
    "FaultBand",
    "LivePlan",
    "LiveSlo",
    "Moment",
    "Report",
    "Run",
    "RunLabels",
    "SearchStep",
    "SlowRequest",
    "change_sentences",
    "comparison_html",
    "differences_text",
    "drill_document",
    "drill_html",
    "drill_junit",
    "drill_openmetrics",
    "drill_summary",
    "drills_text",
    "forecast_html",
    "github_annotations",
    "gitlab_code_quality",
    "history_html",
    "history_text",
    "html",
    "is_news",
    "junit",
    "live_lines",
    "live_metrics",
    "log_lines",
    "markdown",
    "openmetrics",
    "rows_csv",
    "rows_parquet",
    "slack_message",
    "slowest",
    "stands",
    "summary_text",
    "trend_text",
    "webhook_payload",
]
