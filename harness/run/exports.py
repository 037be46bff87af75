"""A stored run in every format that a report has, one file each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness import store
from harness.errors import Problem, UsageError
from harness.report import (
    Report,
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
from harness.results import Rows
from harness.run.capacity_report import capacity_report, is_search
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
    report = capacity_report(folder, keep=False) if is_search(folder) else judge_run(folder, keep=False)
    target = out or folder.path
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name in formats:
        file_name, export = FORMATS[name]
        content = export(report)
        path = target / file_name
        if isinstance(content, bytes):
            store.write_bytes(path, content)
        else:
            store.write_text(path, content)
        written.append(path)
    return written
