"""Starts LiteLLM's proxy from its own environment, runs the drills against it, and ends it.

    python examples/litellm/run.py --litellm .venv-litellm/bin/litellm [--short] [DRILL ...]

Exit code: 0 when every drill came out as its file says it does (`# Outcome: ...`, `# Calls a request: at most ...`,
`# Degraded: yes`), 1 when one did not. A drill that the machine spoiled (INVALID, NOT RUN) is told of and run again,
`--tries` times in all. `--figures` is for machines that are slow or shared: each drill is held to its figures, which do
not hang on speed, and a word that is not as told is said and not held against it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).resolve().parent
PROXY = "http://127.0.0.1:4100"
MOCKS = {"PRIMARY_URL": "http://127.0.0.1:8191/v1", "FALLBACK_URL": "http://127.0.0.1:8192/v1"}
WARM_UP_LIMIT_S = 60.0
WARM, QUICK_S = 8, 1.0
"""It is warm once so many requests in a row took less than this."""
COMMAND = [sys.executable, "-c", "import sys; from harness.cli.app import main; sys.exit(main())"]
START_LIMIT_S = 300.0
NOT_RUN, INVALID = 3, 5
CODES = {0: "HELD", 98: "DID NOT HOLD", INVALID: "INVALID", NOT_RUN: "NOT RUN", 97: "ROLLBACK NOT CONFIRMED"}
SPOILED = {CODES[NOT_RUN], CODES[INVALID]}
COLUMNS = ("drill", "outcome", "degraded after", "back after", "calls a request", "at most", "slowest answer")
_OUTCOME = re.compile(r"^# Outcome: (HELD|DID NOT HOLD)$", re.MULTILINE)
_CALLS = re.compile(r"^# Calls a request: at most (\d+)$", re.MULTILINE)
_DEGRADED = re.compile(r"^# Degraded: (yes|never|yes or never)$", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", type=Path, required=True, help="the proxy's program")
    parser.add_argument("--short", action="store_true", help="each drill in seconds")
    parser.add_argument("--tries", type=int, default=3, help="of each drill, where the machine spoils it")
    parser.add_argument("--figures", action="store_true", help="hold each drill to its figures, not to its word")
    parser.add_argument("--runs", type=Path, default=Path("runs/litellm"))
    parser.add_argument("drills", nargs="*", help="names like throttle; all of them if none is given")
    options = parser.parse_args()
    if options.tries < 1:
        parser.error("--tries is at least 1")
    files = [HERE / "drills" / f"{name}.yaml" for name in options.drills] or sorted((HERE / "drills").glob("*.yaml"))
    if missing := [path.stem for path in files if not path.exists()]:
        parser.error(
            f"no drill {missing[0]!r}; there are {', '.join(p.stem for p in (HERE / 'drills').glob('*.yaml'))}"
        )
    environ = {**os.environ, "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(12)}"}
    if is_alive():
        raise SystemExit(
            f"something answers at {PROXY} already: end it first, these drills are for a proxy of their own"
        )
    options.runs.mkdir(parents=True, exist_ok=True)
    log = options.runs / "litellm.log"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that it ends the proxy as well
    proxy = start_proxy(options.litellm, environ, log)
    try:
        wait_until_alive(proxy, log)
        warm_up(environ, options.runs)
        rows = [run(path, options, environ) for path in files]
    finally:
        proxy.terminate()
        try:
            proxy.wait(10)
        except subprocess.TimeoutExpired:
            proxy.kill()
            proxy.wait()
    show(rows)
    surprises = [found for path, row in zip(files, rows, strict=True) for found in against(path.read_text(), row)]
    for _, words in surprises:
        sys.stderr.write(f"not as its file says: {words}\n")
    return 1 if {kind for kind, _ in surprises} - ({"word"} if options.figures else set()) else 0


def start_proxy(program: Path, environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Offline: the cost map comes from the package, nothing is reported to anybody."""
    command = [str(program.absolute()), "--config", str(HERE / "config.yaml"), "--host", "127.0.0.1", "--port", "4100"]
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_DOCS": "True"}
    with log.open("wb") as out:
        return subprocess.Popen(  # noqa: S603 -- our own words, no shell
            [*command, "--telemetry", "False"],
            env={**environ, **offline, **MOCKS},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=HERE,
        )


def is_alive() -> bool:
    try:
        return httpx.get(f"{PROXY}/health/liveliness", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def wait_until_alive(proxy: subprocess.Popen[bytes], log: Path) -> None:
    """It takes ten seconds to half a minute."""
    sys.stderr.write("starting LiteLLM's proxy ...\n")
    deadline_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline_s:
        if proxy.poll() is not None:
            raise SystemExit(f"LiteLLM ended while starting; see {log}")
        if is_alive():
            return
        time.sleep(0.5)
    raise SystemExit(f"LiteLLM was not ready within {START_LIMIT_S:.0f} s; see {log}")


def warm_up(environ: dict[str, str], folder: Path) -> None:
    """A gateway in service is warm, and this one's first requests take seconds on a busy machine: it is asked until it
    is quick, a minute at most, with providers that are gone again before the drills start theirs."""
    services = [
        {
            "name": name,
            "mock": "openai",
            "preset": "hosted-small",
            "port": int(url.removesuffix("/v1").rpartition(":")[2]),
        }
        for name, url in MOCKS.items()
    ]
    config, ready = folder / "warm-up.json", folder / "warm-up-ready.json"
    config.write_text(json.dumps({"run_id": "", "seed": 1, "services": services}))
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "mock_services", "up", "--config", str(config), "--ready-file", str(ready)]
    token = {"PEAKPROOF_MOCK_TOKEN": secrets.token_hex(12)}
    providers = subprocess.Popen(command, env={**environ, **token})  # noqa: S603 -- our own words, no shell
    try:
        deadline_s = time.monotonic() + WARM_UP_LIMIT_S
        quick = 0
        while quick < WARM and time.monotonic() < deadline_s:
            if not ready.exists():
                time.sleep(0.2)
                continue
            quick = quick + 1 if ask(environ["LITELLM_MASTER_KEY"]) < QUICK_S else 0
    finally:
        providers.terminate()
        providers.wait()


def ask(key: str) -> float:
    """One streamed request through the proxy; answers how long it took, in seconds: infinity where it failed."""
    body = {"model": "main", "stream": True, "max_tokens": 8, "messages": [{"role": "user", "content": "Hello"}]}
    began_s = time.monotonic()
    try:
        answer = httpx.post(
            f"{PROXY}/v1/chat/completions",
            json=body,
            headers={"authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )
    except httpx.HTTPError:
        return float("inf")
    return time.monotonic() - began_s if answer.is_success else float("inf")


def run(path: Path, options: argparse.Namespace, environ: dict[str, str]) -> dict[str, Any]:
    """Runs one drill, shows its page, and answers what came of it beside what its file tells."""
    runs = options.runs / path.stem
    command = [*COMMAND, "drill", "run", str(path), "--runs", str(runs), *(["--short"] if options.short else [])]
    for left in reversed(range(options.tries)):
        code = subprocess.run(command, env=environ, check=False).returncode  # noqa: S603 -- likewise
        pages = sorted(runs.glob("*/drill.json"), key=lambda page: page.stat().st_mtime)
        if CODES.get(code) not in SPOILED or not pages or not left:
            break
        why = json.loads(pages[-1].read_text())["why"]
        sys.stderr.write(f"{path.stem}: {CODES[code]} ({why}); this says nothing about LiteLLM, so it is run again\n")
    row = {"drill": path.stem, "outcome": CODES.get(code, f"exit {code}")}
    return {**row, **(figures(pages[-1].parent) if pages else {})}


def against(text: str, row: dict[str, Any]) -> list[tuple[str, str]]:
    """What of a drill's row is not as its file tells: (its word or a figure, in words)."""
    outcome, calls, degraded = (form.search(text) for form in (_OUTCOME, _CALLS, _DEGRADED))
    if outcome is None or calls is None or degraded is None:
        return [("figure", f"{row['drill']}: the file does not tell what comes of it")]
    most, after_s = row.get("at most"), row.get("degraded after")
    found = []
    if row["outcome"] != outcome[1]:
        found.append(("word", f"{row['drill']}: {row['outcome']}, told {outcome[1]}"))
    if most is None or most > int(calls[1]):
        found.append(("figure", f"{row['drill']}: one request made {most} calls, told at most {calls[1]}"))
    if ("never" if after_s is None else "yes") not in degraded[1]:
        found.append(("figure", f"{row['drill']}: degraded after {after_s} s, told {degraded[1]}"))
    return found


def figures(folder: Path) -> dict[str, Any]:
    """The figures of a drill, and from the providers' log how many calls one request made, and how long it took."""
    page = json.loads((folder / "drill.json").read_text())
    start_s = json.loads((folder / "engine" / "engine.json").read_text())["start_ns"] / 1e9
    begin_s, end_s = (start_s + edge(fault[key] for fault in page["faults"]) for key, edge in SPAN)
    calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in (folder / "mocks" / "log.jsonl").read_text().splitlines():
        call = json.loads(line)
        calls[str(call.get("seq", ""))].append(call)
    # Requests whose first call was made under the fault; calls without a number are the drill's own probes.
    under = [c for seq, c in calls.items() if seq and begin_s <= min(x["started_s"] for x in c) < end_s]
    slowest_s = max((max(x["finished_s"] for x in c) - min(x["started_s"] for x in c) for c in under), default=None)
    numbers = page["numbers"] or {}
    return {
        "degraded after": numbers.get("time_to_degraded_s"),
        "back after": numbers.get("time_to_recover_s"),
        "calls a request": sum(len(c) for c in under) / len(under) if under else None,
        "at most": max(map(len, under), default=None),
        "slowest answer": slowest_s,
    }


SPAN = (("start_s", min), ("end_s", max))


def show(rows: list[dict[str, Any]]) -> None:
    def text(name: str, value: Any) -> str:
        if not isinstance(value, float):
            return "-" if value is None else str(value)
        return f"{value:.2f}" if name.startswith("calls") else f"{value:.1f} s"

    table = [COLUMNS, *(tuple(text(name, row.get(name)) for name in COLUMNS) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        sys.stdout.write(
            "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n"
        )


if __name__ == "__main__":
    sys.exit(main())
