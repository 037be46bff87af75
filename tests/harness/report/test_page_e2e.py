"""The pages in a real browser: no word on its console, no request of theirs, whatever they hold."""

from __future__ import annotations

import html as markup
import json
import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.analysis import Identity, compare
from harness.cli.app import main
from harness.drill import PastDrill, standing
from harness.report import Report, comparison_html, drill_html, history_html, html
from harness.store import PastCheck, PastRun
from tests.harness.report.drilled import reported

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
QUIET = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip
BROWSERS_OWN = ("google.com", "googleapis.com", "gstatic.com")
SAME = Identity("plan", "target", "machine")
PLANTED = "<img src='http://192.0.2.1/pixel.png'><script>console.error('planted')</script>"

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not CHROMIUM, reason="no Chromium here (Debian: chromium)")]


def chromium(folder: Path, address: str, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [CHROMIUM, *QUIET, f"--user-data-dir={folder / 'user'}", *flags, address]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)


def opened(folder: Path, pages: dict[str, str]) -> tuple[list[str], list[str]]:
    """What the browser's console said, and which addresses were asked for, with all `pages` open at once."""
    for name, page in pages.items():
        (folder / name).write_text(page)
    frames = "".join(f"<iframe src='{name}' width=1280 height=900></iframe>" for name in pages)
    (folder / "all.html").write_text(f"<!doctype html><title>all</title>{frames}")
    log = folder / "net.json"
    done = chromium(folder, (folder / "all.html").as_uri(), f"--log-net-log={log}", "--dump-dom")
    console = re.findall(r"CONSOLE[^\]]*\] (.*)", done.stderr)
    asked = set(re.findall(r'"url":("[^"]+")', log.read_text()))
    urls = sorted(json.loads(url) for url in asked)
    return console, [url for url in urls if not (urlsplit(url).hostname or "").endswith(BROWSERS_OWN)]


def history(hostile: bool = False) -> str:
    """A month of runs and drills; a hostile one is full of what a file could say."""
    said = PLANTED * 3 if hostile else "plan.yaml"
    day = "2026-11-{:02d}T12:00:00+00:00".format
    run = PastRun("7f3k", day(1), said, "h", said, "PASS", False, 0, said, said, 24.0, 24.0, 22.5, 0.067)
    words = [("PASS", False), ("FAIL", False), ("HELD", True), ("", False), ("INVALID", True)]
    runs = [
        replace(run, run_id=f"7f{k:02d}", started=day(k), verdict=word, drill=drill, proven=20.0 + k % 7)
        for k in range(1, 29)
        for word, drill in [words[k % len(words)]]
    ]
    check = PastCheck("7f3k", day(1), said, "block", "MET", "s", 2.0, 1.24, 1.19, 1.31, 900, "PASS")
    checks = [replace(check, run_id=run.run_id, started=run.started, value=1.0 + k / 20) for k, run in enumerate(runs)]
    past = PastDrill(said, datetime(2026, 10, 1, tzinfo=UTC), "DID NOT HOLD", "7f02")
    drills = [(said, standing(said, 7 * 86_400.0, [past], datetime(2026, 11, 29, tzinfo=UTC)))]
    return history_html(runs[::-1], checks, said, drills)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, reports: dict[str, Report]) -> dict[str, str]:
    """One of each kind, and of some one full of hostile names."""
    sides = (reports["pass"].verdict, reports["fail"].verdict)
    past = Path(__file__).parents[3] / "examples" / "history.csv"
    folder = tmp_path_factory.mktemp("forecast")
    assert main(["forecast", str(past), "-o", f"{folder}/peak.json", "--html", f"{folder}/forecast.html"]) == 0
    return {
        "fail.html": html(reports["fail"]),
        "hostile.html": html(reports["hostile"]),
        "drill.html": drill_html(reported(reports, "not_rolled_back")),
        "drill-hostile.html": drill_html(reported(reports, "hostile")),
        "history.html": history(),
        "history-hostile.html": history(hostile=True),
        "compare.html": comparison_html(compare(*sides, (SAME, SAME)), ("<b>7f3k", "9qw2"), sides, regressed=True),
        "forecast.html": (folder / "forecast.html").read_text(),
    }


def test_only_the_planted_page_says_or_asks_anything(tmp_path: Path, pages: dict[str, str]) -> None:
    console, asked = opened(tmp_path, {**pages, "planted.html": PLANTED})
    assert len(console) == 1 and "planted" in console[0]
    assert asked == ["http://192.0.2.1/pixel.png"]


MEASURE = """<script>addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map(f => { const d = f.contentDocument, e = d.documentElement;
    return {name: f.name, width: +f.width, needs: e.scrollWidth, text: d.body.innerText.length,
            paper: f.contentWindow.getComputedStyle(d.body).backgroundColor,
            unnamed: d.querySelectorAll("svg:not(:has(> title:not(:empty)))").length} });
  document.body.textContent = JSON.stringify(found) })</script>"""


def test_they_fit_a_phone_and_a_screen_and_are_dark_by_night(tmp_path: Path, pages: dict[str, str]) -> None:
    """Nothing sticks out sideways: what is wide scrolls by itself. Measured from outside: the pages have no script."""
    frames = "".join(
        f'<iframe name="{name}" width={width} height=900 srcdoc="{markup.escape(page)}"></iframe>'
        for name, page in {**pages, "planted": "<body style='margin:0;width:1300px'>wide</body>"}.items()
        for width in (390, 1280)
    )
    (tmp_path / "fit.html").write_text(
        f'<!doctype html><meta name="color-scheme" content="light dark">{frames}{MEASURE}'
    )
    flags = ("--blink-settings=preferredColorScheme=0", "--dump-dom")
    dom = chromium(tmp_path, (tmp_path / "fit.html").as_uri(), *flags).stdout
    found = json.loads(markup.unescape(re.sub(r"<[^>]*>", "", dom)))
    assert len(found) == 2 * len(pages) + 2
    assert {f["name"] for f in found if f["needs"] > f["width"]} == {"planted"}
    ours = [f for f in found if f["name"] != "planted"]
    assert [f for f in ours if f["unnamed"] or f["text"] < 300] == [], "each drawing has a name"
    assert max(sum(map(int, re.findall(r"\d+", f["paper"])[:3])) for f in ours) < 200, "dark paper"


def test_a_report_prints_whole_with_all_that_is_folded_away(tmp_path: Path, pages: dict[str, str]) -> None:
    """It is nine pages long; what is planted, folded away, needs twenty more."""
    folded = "<details><summary>more</summary>" + "<p>one line more</p>" * 1000 + "</details></main>"
    sheets, pieces = printed(tmp_path, pages["fail.html"].replace("</main>", folded))
    assert sheets > 20
    assert pieces > 1500, "pieces of text drawn"


def printed(folder: Path, page: str) -> tuple[int, int]:
    """(pages, pieces of text drawn) of its PDF."""
    (folder / "printed.html").write_text(page)
    pdf = folder / "printed.pdf"
    chromium(folder, (folder / "printed.html").as_uri(), "--no-pdf-header-footer", f"--print-to-pdf={pdf}")
    data, pieces = pdf.read_bytes(), 0
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.S):
        try:
            pieces += len(re.findall(rb"\bT[jJ]\b", zlib.decompress(stream)))
        except zlib.error:
            continue  # a font or a picture, stored as it is
    return len(re.findall(rb"/Type\s*/Page\b", data)), pieces
