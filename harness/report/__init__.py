"""Verdict -> terminal, HTML, JUnit, Markdown, CSV, Parquet: one module a format, all pure."""

from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.model import Dependency, FaultBand, Report, Run, SlowRequest
from harness.report.page import html
from harness.report.rows_csv import rows_csv
from harness.report.rows_parquet import rows_parquet
from harness.report.summary import summary_text

__all__ = [
    "Dependency",
    "FaultBand",
    "Report",
    "Run",
    "SlowRequest",
    "html",
    "junit",
    "markdown",
    "rows_csv",
    "rows_parquet",
    "summary_text",
]
