"""The pages in a real browser: no word on its console, no request of theirs, whatever they hold."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.analysis import Identity, compare
from harness.cli.app import main
from harness.report import Report, comparison_html, html

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


def opened(folder: Path, pages: dict[str, str]) -> tuple[list[str], list[str]]:
    """What the browser's console said, and which addresses were asked for, with all `pages` open at once."""
    for name, page in pages.items():
        (folder / name).write_text(page)
    frames = "".join(f"<iframe src='{name}' width=1280 height=900></iframe>" for name in pages)
    (folder / "all.html").write_text(f"<!doctype html><title>all</title>{frames}")
    log = folder / "net.json"
    command = [CHROMIUM, *QUIET, f"--user-data-dir={folder / 'user'}", f"--log-net-log={log}", "--dump-dom"]
    address = (folder / "all.html").as_uri()
    done = subprocess.run([*command, address], capture_output=True, text=True, timeout=60, check=True)
    console = re.findall(r"CONSOLE[^\]]*\] (.*)", done.stderr)
    asked = set(re.findall(r'"url":("[^"]+")', log.read_text()))
    urls = sorted(json.loads(url) for url in asked)
    return console, [url for url in urls if not (urlsplit(url).hostname or "").endswith(BROWSERS_OWN)]


def test_only_the_planted_page_says_or_asks_anything(
    tmp_path: Path, reports: dict[str, Report], hostile: Report
) -> None:
    sides = (reports["pass"].verdict, reports["fail"].verdict)
    history = Path(__file__).parents[3] / "examples" / "history.csv"
    assert main(["forecast", str(history), "-o", f"{tmp_path}/peak.json", "--html", f"{tmp_path}/forecast.html"]) == 0
    pages = {
        "fail.html": html(reports["fail"]),
        "hostile.html": html(hostile),
        "compare.html": comparison_html(compare(*sides, (SAME, SAME)), ("<b>7f3k", "9qw2"), sides, regressed=True),
        "forecast.html": (tmp_path / "forecast.html").read_text(),
        "planted.html": PLANTED,
    }
    console, asked = opened(tmp_path, pages)
    assert len(console) == 1 and "planted" in console[0]
    assert asked == ["http://192.0.2.1/pixel.png"]
