"""Every drill of the catalogue for real, in its short form: it holds, and with its weakness switched on it does not.

    python -m bench.drills [--only 04,23] [--times 2] [--page docs/drills-results.md]

Each run is `peakproof drill run` in a process of its own and one line of `bench/out/drills.jsonl`; the table is made of
the lines of the last `--times` runs of each kind. A run that the machine spoiled (INVALID) is run again, at most three
times, and counted. DRILLS_PREFIX (`chrt -r 1`) is put before each run, for machines that others use too. Exit code 1
when one did not come out as it should.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "drills"
OUT = Path("bench/out/drills.jsonl")
WANTED = {"as it is": "HELD", "weak": "DID NOT HOLD"}
HEAD = """# The drills, as they ran

Written by `make drills DRILLS_ARGS='--page docs/drills-results.md'`: each drill of `drills/` in its short
form (about twenty seconds), on its embedded mocks. *Degraded*: from the fault to the first degraded answers that
last; *back*: from the revert to the first of three windows inside the steady state; one number a run. *Weak* is the
same drill with its `weakness:` switched on, and what it missed then. *Spoiled* counts runs that the machine made
INVALID and that were run again.

"""
_INTERVAL = re.compile(r" \[[^]]*\]")
COLUMNS = ("drill", "as it is", "degraded", "back", "weak", "missed then", "spoiled", "date")


def run_once(path: Path, kind: str) -> dict[str, Any]:
    """One run and what came of it, as a line."""
    entry = "import sys; from harness.cli.app import main; sys.exit(main())"
    with tempfile.TemporaryDirectory() as runs:
        command = [*os.environ.get("DRILLS_PREFIX", "").split(), sys.executable, "-c", entry, "drill", "run", str(path)]
        command += ["--short", "--json", "--runs", runs, *(["--weak"] if kind == "weak" else [])]
        begun_s = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    line = {"drill": path.stem, "kind": kind, "at": time.strftime("%Y-%m-%d %H:%M"), "machine": machine()}
    line["took_s"] = round(time.monotonic() - begun_s, 1)
    try:
        told = json.loads(done.stdout)
    except ValueError:
        return {**line, "word": f"exit {done.returncode}", "why": done.stderr[-400:]}
    numbers = told["numbers"] or {}
    return {
        **line,
        "word": told["result"],
        "why": told["why"],
        "degraded_s": numbers.get("time_to_degraded_s"),
        "recover_s": numbers.get("time_to_recover_s"),
        "measured": {e["name"]: e["measured"] for e in told["expectations"]},
        "missed": [f"{e['name']} {e['measured']}" for e in told["expectations"] if e["kept"] != "held"],
    }


def run(path: Path, kind: str, tries: int) -> dict[str, Any]:
    """`run_once`, again where the machine spoiled it; every try is kept."""
    for left in reversed(range(tries)):
        line = run_once(path, kind)
        with OUT.open("a") as out:
            out.write(json.dumps(line) + "\n")
        expected = "" if line["word"] == WANTED[kind] else f"   NOT AS EXPECTED: {line['why']}"
        print(f"{path.stem:<22} {kind:<9} {line['word']:<13} {line['took_s']:>5.1f} s{expected}", flush=True)
        if line["word"] != "INVALID" or not left:
            break
    return line


def table(lines: Iterable[dict[str, Any]], times: int) -> list[str]:
    """Markdown rows from the last `times` judged runs of each drill and kind."""
    runs: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        runs[line["drill"], line["kind"]].append(line)
    rows = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for drill in sorted({drill for drill, _ in runs}):
        plain, weak = (_last(runs[drill, kind], times) for kind in WANTED)
        spoiled = sum(line["word"] == "INVALID" for line in plain[1] + weak[1])
        cells = [drill, _words(plain[0]), _times(plain[0], "degraded_s"), _times(plain[0], "recover_s")]
        told = [_INTERVAL.sub("", m) for line in weak[0][-1:] for m in line.get("missed", [])]
        missed = "; ".join(dict.fromkeys(told))
        date = max((line["at"] for line in plain[0] + weak[0]), default="")[:10]
        rows.append("| " + " | ".join([*cells, _words(weak[0]), missed, str(spoiled), date]) + " |")
    return rows


def _last(lines: Sequence[dict[str, Any]], times: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The last `times` runs that were judged, and the tries since the first of them."""
    judged = [index for index, line in enumerate(lines) if line["word"] != "INVALID"][-times:]
    tries = lines[judged[0] :] if judged else lines
    return [lines[index] for index in judged], list(tries)


def _words(lines: Sequence[dict[str, Any]]) -> str:
    words = dict.fromkeys(line["word"] for line in lines)
    return ", ".join(f"{word} {sum(line['word'] == word for line in lines)} of {len(lines)}" for word in words) or "-"


def _times(lines: Sequence[dict[str, Any]], name: str) -> str:
    values = [line.get(name) for line in lines]
    return ", ".join("-" if value is None else f"{value:.1f} s" for value in values)


def machine() -> str:
    """What it ran on, in a few words."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="numbers, like 04,23; all if left out")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--tries", type=int, default=3, help="of each run, where the machine spoils it")
    parser.add_argument("--page", type=Path, help="write the table as a page of the documentation")
    parser.add_argument("--note", default="", help="a sentence on the machine, for the page")
    parser.add_argument("--table", action="store_true", help="only print (and write) the table of what has run")
    options = parser.parse_args()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    only = options.only.split(",") if options.only else []
    files = [p for p in sorted(FOLDER.glob("[0-9]*.yaml")) if not only or p.name[:2] in only]
    runs = [(p, kind) for p in files for kind in WANTED for _ in range(options.times)]
    chosen = [] if options.table else runs
    surprises = [f"{p.stem} ({kind})" for p, kind in chosen if run(p, kind, options.tries)["word"] != WANTED[kind]]
    names = {path.stem for path in files}
    lines = [json.loads(text) for text in OUT.read_text().splitlines()] if OUT.exists() else []
    rows = table([line for line in lines if line["drill"] in names], options.times)
    print("\n" + "\n".join(rows))
    if options.page:
        machines = "; ".join(dict.fromkeys(line["machine"] for line in lines))
        options.page.write_text(
            HEAD + "\n".join(rows) + f"\n\nMachine: {machines}.{' ' * bool(options.note)}{options.note}\n"
        )
    if surprises:
        print(f"\nnot as they should: {', '.join(surprises)}")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
