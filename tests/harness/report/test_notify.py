from __future__ import annotations

import json

from harness.analysis import Word
from harness.report import Report
from harness.report.notify import is_news, slack_message, webhook_payload


def test_only_a_change_is_news(reports: dict[str, Report]) -> None:
    assert not is_news(reports["pass"], Word.PASS)
    assert not is_news(reports["pass"], None)
    assert is_news(reports["pass"], Word.FAIL)
    assert is_news(reports["fail"], Word.PASS)
    assert is_news(reports["invalid"], None)
    assert not is_news(reports["fail"], Word.FAIL)


def test_the_payload_is_clean_json(named_report: tuple[str, Report]) -> None:
    _, report = named_report
    payload = webhook_payload(report, Word.PASS)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    assert payload["verdict"] == report.verdict.word.value
    assert payload["previous"] == "PASS"
    assert (payload["not_met"] == []) == (report.verdict.word is Word.PASS)


def test_slack_keeps_its_limits_and_has_no_live_markup(hostile: Report, reports: dict[str, Report]) -> None:
    for report in (*reports.values(), hostile):
        message = slack_message(report, None)
        assert len(message["blocks"]) <= 50
        assert len(message["blocks"][0]["text"]["text"]) <= 150
        for block in message["blocks"][1:]:
            assert len(block["text"]["text"]) <= 3000
            assert "<" not in block["text"]["text"], "a raw < begins a link or a mention"
        json.dumps(message, allow_nan=False).encode()


def test_slack_tells_the_word_and_what_it_was(reports: dict[str, Report]) -> None:
    text = json.dumps(slack_message(reports["smoke"], Word.FAIL), ensure_ascii=False)
    assert "PASS (smoke), was FAIL" in text
    assert "cannot claim" in text
