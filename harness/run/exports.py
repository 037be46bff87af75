"""A stored run in every format that a report has, one file each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness import store
from harness.errors import Problem, UsageError
from harness.report import (
    DrillReport,
    Report,
    drill_document,
    drill_html,
    drill_junit,
    drill_openmetrics,
    drill_summary,
    github_annotations,
    gitlab_code_quality,
    html,
    junit,
    markdown,
    openmetrics,
    rows_csv,
    rows_parquet,
    summary_text,
)
from harness.report.exposition import as_prometheus
from harness.results import Rows
from harness.run.capacity_report import capacity_report, is_search
from harness.run.drill_judging import is_drill, judge_drill_again
from harness.run.judging import judge_run, verdict_document


def _rows(report: Report) -> Rows:
    assert report.rows is not None, "a run of ours has rows"
    return report.rows


FORMATS: Mapping[str, tuple[str, Callable[[Report], str | bytes]]] = {
    "html": ("report.html", html),
    "json": ("verdict.json", lambda report: json.dumps(verdict_document(report), indent=2, allow_nan=False) + "\n"),
    "junit": ("junit.xml", junit),
    "md": ("summary.md", markdown),
    "text": ("summary.txt", summary_text),
    "annotations": ("annotations.txt", lambda report: "".join(f"{line}\n" for line in github_annotations(report))),
    "codequality": ("gl-code-quality-report.json", gitlab_code_quality),
    "openmetrics": ("metrics.txt", openmetrics),
    "prometheus": ("peakproof.prom", lambda report: as_prometheus(openmetrics(report))),
    "csv": ("rows.csv", lambda report: "".join(rows_csv(_rows(report)))),
    "parquet": ("rows.parquet", lambda report: rows_parquet(_rows(report))),
}
"""Format -> (file name, exporter)."""


def export_run(run: Path, formats: Sequence[str], out: Path | None) -> list[Path]:
    """Judge the run at `run` anew and write it in each of `formats`, beside its rows or into `out`; the paths written.

    Raises UsageError for an unknown format or a path that is no run.
    """
    if unknown := [name for name in formats if name not in FORMATS]:
        raise UsageError(Problem(f"no format {unknown[0]!r}", f"there are {', '.join(FORMATS)}"))
    folder = store.open_run(run)
    if is_drill(folder):
        return _written({name: _of_drill(folder, name) for name in formats}, out or folder.path)
    report = capacity_report(folder, keep=False) if is_search(folder) else judge_run(folder, keep=False)
    return _written({name: (FORMATS[name][0], FORMATS[name][1](report)) for name in formats}, out or folder.path)


def _of_drill(folder: store.RunFolder, name: str) -> tuple[str, str | bytes]:
    """A drill speaks for itself where it has words of its own; the other formats are of the run under it."""
    drilled = judge_drill_again(folder).report
    if name == "json":
        return "drill.json", json.dumps(drill_document(drilled), indent=2, allow_nan=False) + "\n"
    own: Mapping[str, Callable[[DrillReport], str]] = {
        "html": drill_html,
        "junit": drill_junit,
        "text": drill_summary,
        "openmetrics": drill_openmetrics,
        "prometheus": lambda report: as_prometheus(drill_openmetrics(report)),
    }
    file_name, export = FORMATS[name]
    return file_name, own[name](drilled) if name in own else export(drilled.whole)


def _written(contents: Mapping[str, tuple[str, str | bytes]], target: Path) -> list[Path]:
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for file_name, content in contents.values():
        path = target / file_name
        if isinstance(content, bytes):
            store.write_bytes(path, content)
        else:
            store.write_text(path, content)
        written.append(path)
    return written
