from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis import Bottleneck, Caveat, FailureMode, Trust
from harness.report import (
    Dependency,
    FaultBand,
    Report,
    SlowRequest,
    html,
    junit,
    markdown,
    rows_csv,
    rows_parquet,
    summary_text,
)
from harness.report.secrets import without_secrets
from harness.results import Rows

CANARY = "sk-CANARY{:02d}abcdefghijklmnopqrstuvwx"


def test_what_holds_no_secret_is_handed_back_itself(reports: dict[str, Report]) -> None:
    for report in reports.values():
        if report is not reports["hostile"]:
            assert without_secrets(report) is report


def planted(report: Report) -> Report:
    """A canary in every text there is."""
    number = iter(range(100))

    def key() -> str:
        return f"x {CANARY.format(next(number))} y"

    verdict, run = report.verdict, report.run
    assert report.rows is not None
    assert verdict.trust is not None
    verdict = replace(
        verdict,
        headline=key(),
        why=key(),
        reasons=(key(),),
        first_cause=key(),
        judged=(key(),),
        provisioning=(key(),),
        outcomes={key(): 1},
        checks=tuple(
            replace(c, slo=key(), reason=key(), advice=key(), source=key(), note=key()) for c in verdict.checks
        ),
        caveats=tuple(
            Caveat(key(), status, key(), key()) for status in ("broken", "held", "not_fed", "waived", "noted")
        ),
        failures=(FailureMode(key(), key(), 3, 1, 1, 2, key(), key()),),
        bottleneck=(Bottleneck(key(), "SUSPECTED", (key(),), key()),),
        trust=replace(verdict.trust, certificate=(key(),)),
    )
    run = replace(
        run,
        run_id=key(),
        target=key(),
        repeat=key(),
        plan_name=key(),
        plan_text=key(),
        plan_hash=key(),
        slo_text=key(),
        peak_label=key(),
        report_path=key(),
        versions=((key(), key()),),
        partial=key(),
    )
    catalog = replace(
        report.rows.catalog,
        journeys=(key(), key()),
        phases=(key(), key(), key()),
        tenants=(key(),),
        served_by=("", key(), key()),
    )
    return replace(
        report,
        verdict=verdict,
        run=run,
        rows=Rows(report.rows.array[:200], catalog),
        faults=(FaultBand(key(), key(), 1, 2),),
        dependencies=(Dependency(key(), key(), 1, {key(): 1}),),
        traces=(SlowRequest(0, key()),),
        changes=(key(),),
    )


def test_no_canary_in_any_output(reports: dict[str, Report]) -> None:
    report = planted(reports["fail"])
    assert report.rows is not None
    outputs = {
        "summary": summary_text(report, 200),
        "html": html(report),
        "junit": junit(report),
        "markdown": markdown(report),
        "csv": "".join(rows_csv(report.rows)),
        "parquet": rows_parquet(report.rows).decode("latin-1"),
    }
    for name, text in outputs.items():
        assert "CANARY" not in text, name
    assert "[redacted]" in outputs["html"]


@pytest.mark.parametrize("value", [1, None, 2.5, b"x", Trust(1, 1, None, None, None, None), {"a": [1]}, ()])
def test_everything_else_stays(value: object) -> None:
    assert without_secrets(value) is value
