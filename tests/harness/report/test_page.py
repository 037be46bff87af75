from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from harness.analysis import Capacity, FailureMode, Verdict, Word
from harness.report import Report, Run, SearchStep, SlowRequest, html, slowest
from harness.report.page import SIZE_MAX
from harness.results import RESULT_DTYPE, Catalog, Gaps, Rows
from harness.results.gaps import BINS, binned

ALLOWED = set(
    """html head meta title style body div header main section footer span b small h1 h2 h3 p ul li dl dt dd table thead
    tbody tr th td figure figcaption details summary pre code svg path line rect circle text""".split()  # noqa: SIM905 -- a list of tags reads better as words
)
VOID = {"meta"}


class Page(HTMLParser):
    """Tags, attributes, ids and the visible text of a page; checks that tags nest."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & set(self.open) and data.strip():
            self.words.append(" ".join(data.split()))

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_words_of_the_page(named_report: tuple[str, Report], golden: Callable[[str, str], None]) -> None:
    name, report = named_report
    golden(f"page-{name}.txt", "\n".join(Page(html(report)).words) + "\n")


def test_the_first_screen_answers(named_report: tuple[str, Report]) -> None:
    _, report = named_report
    text = " ".join(Page(html(report)).words)
    first = text[: text.index("Timeline")]
    for fact in (
        report.title_word,
        report.verdict.headline[1:],
        report.verdict.why,
        report.run.repeat,
        report.run.target,
        "seed 42",
        "Trust:",
    ):
        assert fact in first
    assert "Launch" in first if report.title_word == "PASS" else "Launch" not in first


def test_what_was_before_this_run_is_told_even_where_there_is_nothing(reports: dict[str, Report]) -> None:
    words = Page(html(reports["fail"])).words
    assert "No earlier run of this plan and target passed here: nothing to compare with." in words
    assert "None beside this run: how it degrades has not been tried." in words
    drilled = replace(reports["fail"], changes=("ttft p95 worse",), drills=("HELD, 2026-11-08: outage",))
    words = Page(html(drilled)).words
    assert {"ttft p95 worse", "HELD, 2026-11-08: outage"} <= set(words)


@pytest.mark.parametrize("link", ["https://tempo.example/trace/4bf9", "javascript:alert(1)", "data:text/html,x", ""])
def test_a_trace_id_leads_to_its_trace_by_http_only(reports: dict[str, Report], link: str) -> None:
    rows = reports["pass"].rows
    assert rows is not None
    slow = slowest(rows)[0]
    page = html(replace(reports["pass"], traces=(SlowRequest(slow.seq, "4bf92f35", link),)))
    links = [a["href"] for a in Page(page).attributes("a")]
    assert links == ([link] if link.startswith("https:") else [])
    assert "4bf92f35" in Page(page).words


def test_offline_without_script_and_with_only_known_tags(named_report: tuple[str, Report]) -> None:
    _, report = named_report
    _is_inert(html(report))


def test_nothing_hostile_becomes_markup(hostile: Report) -> None:
    source = html(hostile)
    _is_inert(source)
    assert "&lt;script&gt;alert(1)" in source
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", source)
    assert len(source.encode()) <= SIZE_MAX


def _is_inert(source: str) -> None:
    page = Page(source)
    assert {tag for tag, _ in page.tags} <= ALLOWED
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert not {"src", "href", "srcset", "action"} & set(attributes), tag
    assert "url(" not in source
    assert "@import" not in source


def test_landmarks_ids_and_names_for_those_who_do_not_see(named_report: tuple[str, Report]) -> None:
    _, report = named_report
    source = html(report)
    page = Page(source)
    tags = [tag for tag, _ in page.tags]
    assert [tags.count(t) for t in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
    assert page.attributes("html")[0]["lang"] == "en"
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert all(a["aria-labelledby"] in ids for a in page.attributes("section"))
    pictures = re.findall(r"<svg[^>]*>(.{0,60})", source)
    assert pictures
    assert all(p.startswith("<title>") for p in pictures)
    assert all(a.get("role") == "img" for a in page.attributes("svg"))
    assert all(a.get("scope") == "col" for a in page.attributes("th"))


def test_a_status_is_a_word(named_report: tuple[str, Report]) -> None:
    _, report = named_report
    text = " ".join(Page(html(report)).words)
    for check in report.verdict.checks:
        assert check.state.value in text
    for caveat in report.verdict.caveats:
        assert caveat.status.replace("_", " ") in text


def test_a_broken_measurement_is_not_called_sound(reports: dict[str, Report]) -> None:
    text = " ".join(Page(html(reports["invalid"])).words)
    assert "Trust: ✗ broken" in text
    assert "these are not findings" in text
    unexplained = replace(reports["pass"].verdict, word=Word.INVALID)
    assert "Trust: ✗ broken" in " ".join(Page(html(replace(reports["pass"], verdict=unexplained))).words)


def test_a_pass_below_the_peak_or_without_one_is_no_launch(reports: dict[str, Report]) -> None:
    for headroom, words in (
        (-0.08, "No launch yet: passed below"),
        (None, "held against no forecast peak"),
        (0.0, "Launch"),
    ):
        verdict = replace(reports["pass"].verdict, headroom=headroom)
        assert words in " ".join(Page(html(replace(reports["pass"], verdict=verdict))).words)


def test_without_rows_the_verdict_still_reads(reports: dict[str, Report]) -> None:
    page = Page(html(replace(reports["fail"], rows=None, evidence=None)))
    assert "FAIL" in page.words[3] or "FAIL" in " ".join(page.words[:12])
    assert "Timeline" not in page.words
    empty = Rows(np.zeros(0, RESULT_DTYPE), Catalog(("chat",), ("peak",)))
    assert Page(html(replace(reports["invalid"], rows=empty))).words


def test_rows_with_nothing_but_failures_are_drawn(reports: dict[str, Report]) -> None:
    report = reports["fail"]
    assert report.rows is not None
    array = report.rows.array.copy()
    for name in ("sent_ns", "first_token_ns", "last_token_ns", "finished_ns"):
        array[name] = -1
    array["outcome"] = 13
    text = html(replace(report, rows=Rows(array, report.rows.catalog)))
    assert "not sent or lost" in text
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<style>.*?</style>", "", text, flags=re.S))


def test_whatever_happened_it_is_at_most_400_kb(reports: dict[str, Report]) -> None:
    """Ten thousand distinct errors, every name long, a large plan: lists are cut, and say so."""
    report = reports["fail"]
    modes = tuple(
        FailureMode("server_error", f"{'é' * 200} {i}", 10_000 - i, 1e-4, 1.0, 2.0, "j" * 500, "s" * 500)
        for i in range(10_000)
    )
    checks = tuple(
        replace(report.verdict.checks[i % 3], slo=f"ttft p95 <= 2s where journey={'k' * 300}{i}") for i in range(500)
    )
    caveats = tuple(replace(report.verdict.caveats[0], what="w" * 1000, kind=f"gate{i}") for i in range(500))
    verdict = replace(report.verdict, failures=modes, checks=checks, caveats=caveats, provisioning=("p" * 2000,) * 300)
    run = replace(report.run, plan_text="é<&" * 200_000, slo_text="&" * 300_000)
    source = html(replace(report, verdict=verdict, run=run))
    assert len(source.encode()) <= SIZE_MAX
    assert "rarer modes with" in source
    assert "characters more" in source


def test_a_large_run_is_as_small() -> None:
    rng = np.random.default_rng(8)
    array = np.zeros(100_000, RESULT_DTYPE)
    array["due_ns"] = np.sort(rng.integers(0, 3600 * 10**9, array.size))
    array["sent_ns"] = array["first_token_ns"] = array["last_token_ns"] = array["due_ns"]
    array["finished_ns"] = array["due_ns"] + rng.integers(10**7, 10**11, array.size)
    array["seq"], array["outcome"] = np.arange(array.size), rng.integers(0, 15, array.size)
    array["journey"], array["phase"] = rng.integers(0, 255, array.size), rng.integers(0, 255, array.size)
    names = tuple(f"n\u00fc{i}" * 40 for i in range(255))
    verdict = Verdict(Word.FAIL, False, "h", "w", (), (), (), Capacity(), None, judged=names)
    source = html(Report(verdict, Run("7f3k", "t", "r"), Rows(array, Catalog(names, names))))
    assert len(source.encode()) <= SIZE_MAX


@pytest.mark.parametrize("journeys", [1, 255])
def test_many_journeys_are_grouped(reports: dict[str, Report], journeys: int) -> None:
    report = reports["pass"]
    assert report.rows is not None
    array = report.rows.array.copy()
    array["journey"] = np.arange(array.size) % journeys
    rows = Rows(array, Catalog(tuple(f"journey {i}" for i in range(journeys)), report.rows.catalog.phases))
    assert ("225 others" in html(replace(report, rows=rows))) == (journeys == 255)


def test_the_gaps_of_streams_are_told_by_stage(reports: dict[str, Report]) -> None:
    report = reports["pass"]
    assert report.rows is not None and report.evidence is not None
    assert "Gaps between pieces" not in html(report)
    counts = np.zeros((len(report.rows.catalog.phases), BINS), np.uint64)
    counts[0] = binned(np.array([20_000_000] * 99 + [3_000_000_000]))
    words = Page(html(replace(report, evidence=replace(report.evidence, gaps=Gaps(counts))))).words
    at = words.index("Gaps between pieces of streamed answers")
    assert report.rows.catalog.phases[0] in words[at:]
    assert {"100", "21 ms", "3 234 ms"} <= set(words[at : at + 20]), words[at : at + 20]


def test_the_steps_of_a_search_stand_before_the_rows_of_one(reports: dict[str, Report]) -> None:
    steps = (
        SearchStep("probe", 15.0, "PASS", 60.0, 0.004, 0.05, "x1.5 from 10/s", "steps/01"),
        SearchStep("probe", 22.5, "FAIL", 60.0, 0.22, 0.05, "x1.5 from 15/s", "steps/02"),
        SearchStep("<b>", 22.5, "<b>", 60.0, float("nan"), 0.05, "<b>", "<b>"),
    )
    page = html(replace(reports["fail"], search=steps))
    search = page[page.index('id="search"') : page.index("</section>", page.index('id="search"'))]
    assert page.index('id="search"') < page.index('id="timeline"')
    assert re.search(
        r't-PASS"><span aria-hidden="true">\u2713</span> PASS.*t-FAIL"><span[^>]*>\u2717</span> FAIL', search, re.S
    )
    assert re.search(r"22\s% of max 5.0\s%", search) and "x1.5 from 15/s" in search
    assert "<b>" not in search and "t-noted" in search
