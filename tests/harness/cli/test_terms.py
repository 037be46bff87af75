from __future__ import annotations

import pytest

from harness.cli.terms import EXIT_CODES, OUTCOMES, REASONS, VERDICTS, look_up
from harness.errors import ExitCode, UsageError
from harness.results import Outcome, Reason


def test_the_dictionary_is_complete() -> None:
    assert set(OUTCOMES) == {outcome.label for outcome in Outcome}
    assert set(REASONS) == {reason.label for reason in Reason}
    assert set(EXIT_CODES) == {str(int(code)) for code in ExitCode}
    assert {"PASS", "FAIL", "INCONCLUSIVE", "INVALID"} <= set(VERDICTS)


@pytest.mark.parametrize(
    ("term", "name"),
    [("TTFT", "ttft"), ("send-lag", "send lag"), ("not sent", "not_sent"), ("99", "99"), ("pass", "PASS")],
)
def test_a_term_is_found_however_it_is_written(term: str, name: str) -> None:
    assert [entry.name for entry in look_up(term)] == [name]


def test_topics_and_everything() -> None:
    assert {entry.topic for entry in look_up("exit-codes")} == {"exit-codes"}
    assert len(look_up("exit codes")) == len(EXIT_CODES)
    assert len(look_up("")) > 60


def test_fields_of_the_plan_are_in_it() -> None:
    (entry,) = look_up("limits.in_flight")
    assert entry.text.startswith("Requests open at once")
    assert [entry.name for entry in look_up("quantile")] == ["arrivals.quantile"]
    assert "journeys.NAME.kind" in {entry.name for entry in look_up("plan-fields")}
    assert "Default: 60s" not in look_up("deadline")[0].text
    assert "Default: 1m" in next(entry for entry in look_up("plan-fields") if entry.name == "deadline").text


def test_an_unknown_term_says_what_was_meant() -> None:
    with pytest.raises(UsageError, match="did you mean 'goodput'"):
        look_up("goodputt")
