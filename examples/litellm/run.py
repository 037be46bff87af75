"""Starts LiteLLM's proxy from its own environment, runs the drills against it, and ends it.

    python examples/litellm/run.py --litellm .venv-litellm/bin/litellm [--short] [DRILL ...]

Exit code: 0 when every drill came out as its file says it does (`# Outcome: ...`), 1 when one did not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path

import httpx

HERE = Path(__file__).resolve().parent
PROXY = "http://127.0.0.1:4100"
MOCKS = {"PRIMARY_URL": "http://127.0.0.1:8191/v1", "FALLBACK_URL": "http://127.0.0.1:8192/v1"}
START_LIMIT_S = 180.0
TRIES = 3
INVALID = 5
CODES = {0: "HELD", 98: "DID NOT HOLD", INVALID: "INVALID", 3: "NOT RUN", 97: "ROLLBACK NOT CONFIRMED"}
_OUTCOME = re.compile(r"^# Outcome: (HELD|DID NOT HOLD)\b", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", type=Path, required=True, help="the proxy's program")
    parser.add_argument("--short", action="store_true", help="each drill in seconds")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("drills", nargs="*", help="names like throttle; all of them if none is given")
    options = parser.parse_args()
    chosen = [HERE / "drills" / f"{name}.yaml" for name in options.drills]
    files = chosen or sorted((HERE / "drills").glob("*.yaml"))
    environ = {**os.environ, "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(12)}"}
    proxy = start_proxy(options.litellm, environ)
    try:
        wait_until_alive(proxy)
        surprises = [path.stem for path in files if not as_expected(path, options, environ)]
    finally:
        proxy.terminate()
        try:
            proxy.wait(10)
        except subprocess.TimeoutExpired:
            proxy.kill()
            proxy.wait()
    if surprises:
        sys.stderr.write(f"not as their files say: {', '.join(surprises)}\n")
    return 1 if surprises else 0


def start_proxy(program: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """Offline: the cost map comes from the package, nothing is reported to anybody."""
    command = [str(program.absolute()), "--config", str(HERE / "config.yaml"), "--host", "127.0.0.1", "--port", "4100"]
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_DOCS": "True"}
    log = (HERE / "litellm.log").open("wb")
    with log:
        return subprocess.Popen(  # noqa: S603 -- our own words, no shell
            [*command, "--telemetry", "False"],
            env={**environ, **offline, **MOCKS},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=HERE,
        )


def wait_until_alive(proxy: subprocess.Popen[bytes]) -> None:
    """It takes half a minute and more."""
    deadline_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline_s:
        if proxy.poll() is not None:
            raise SystemExit(f"LiteLLM ended while starting; see {HERE / 'litellm.log'}")
        try:
            if httpx.get(f"{PROXY}/health/liveliness", timeout=2, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise SystemExit(f"LiteLLM was not ready within {START_LIMIT_S:.0f} s; see {HERE / 'litellm.log'}")


def as_expected(path: Path, options: argparse.Namespace, environ: dict[str, str]) -> bool:
    """Runs one drill, shows its page, and compares the outcome with the one that its file tells."""
    command = [sys.executable, "-c", "import sys; from harness.cli.app import main; sys.exit(main())"]
    command += ["drill", "run", str(path), "--runs", str(options.runs), *(["--short"] if options.short else [])]
    code = INVALID
    for _ in range(TRIES):
        code = subprocess.run(command, env=environ, check=False).returncode  # noqa: S603 -- likewise
        if code != INVALID:  # a busy machine: the run says nothing about LiteLLM
            break
    told = _OUTCOME.search(path.read_text())
    outcome = CODES.get(code, f"exit {code}")
    sys.stdout.write(json.dumps({"drill": path.stem, "outcome": outcome, "told": told and told[1]}) + "\n\n")
    sys.stdout.flush()
    return told is not None and outcome == told[1]


if __name__ == "__main__":
    sys.exit(main())
