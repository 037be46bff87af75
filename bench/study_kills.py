"""The study of kills: `kill -9` to the runner, to Locust's master or to the mocks, at random moments of short drills.

The bars: no fault is alive later than its TTL and one second after the kill, and no drill that lost a part is reported
as HELD. A kill counts where its victim was alive and the drill had not written its result yet. Every tenth drill is a
control: nobody is killed, and it must hold, or the drills would prove nothing by not holding. The study is not done
before a control of each kind (with a fault on what is not ours, and without) has held.

Every third drill also breaks what no mock holds (a process action, with a watchman for its rollback). Each drill is
told in a line of `bench/out/study-kills.jsonl`; the study goes on where it stood.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil

OUT = Path("bench/out/study-kills.jsonl")
TTL_S, GRACE_S = 2.0, 1.0
VICTIMS = ("runner", "master", "mock")
CONTROL = "nobody"
DRILL_S = 10.1
BEFORE_S, AFTER_S = 2.0, 1.5
"""Kills are drawn from so long before the load begins to so long after it ends."""
LONGEST_S = 300.0
_RANGE = 10_000
TOKEN, MAIN = "kills", "import sys; from harness.cli.app import main; sys.exit(main())"
PLAN = """\
target: {target}
journeys: {{call: {{kind: tool}}}}
arrivals: {{seed: {seed}, segments: [{{phase: peak, hold: 30/s, for: 5s}}]}}
slo: {{slos: [e2e p95 <= 30s]}}
deadline: 8s
drain: 8s
smoke: true
"""


class MockProcess:
    """A mock on a port of its own, which it has again after it was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.config: dict[str, Any] = {"run_id": "", "seed": 1, "services": [{"name": "tools", "mock": "tools"}]}
        self.start()
        # The address of the service stays; where the admin API listens is told anew.
        self.config["services"][0]["port"] = int(self.target.rpartition(":")[2])

    def start(self) -> None:
        (self._folder / "mocks.json").write_text(json.dumps(self.config))
        ready = self._folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "mock_services", "up", "--config", str(self._folder / "mocks.json")]
        self.process = subprocess.Popen([*command, "--ready-file", str(ready)], env=_env())
        assert _until(ready.exists, 300), "the mock did not come up"
        told = json.loads(ready.read_text())
        self.admin_url, self.target = told["admin"], told["services"]["tools"]

    def ask(self, path: str) -> Any:
        with httpx.Client(base_url=self.admin_url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
            answer = client.get(path)
            answer.raise_for_status()
            return answer.json()

    def faults(self) -> list[Any]:
        """Those in force; faults that a drill only tries out begin in an hour, and are none."""
        return [f for f in self.ask("/faults")["faults"] if f["ttl_s"] > 1]

    def behaves(self) -> bool:
        """Whether an answer of now is under no fault, by the mock's own log of it."""
        asked: dict[str, Any] = {"json": {"query": "hi"}, "headers": {"x-peakproof-run": "probe"}, "timeout": 60}
        httpx.post(f"{self.target}/tools/search", **asked).raise_for_status()
        log = self.ask("/log?after=0&limit=10000")["log"]
        return not [entry for entry in log if entry["run"] == "probe"][-1]["faults"]

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def _env() -> dict[str, str]:
    return {**os.environ, "PEAKPROOF_MOCK_TOKEN": TOKEN, "NO_COLOR": "1"}


def _until(look: Any, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while not look():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


class Case:
    """One drill, and who is killed when."""

    def __init__(self, number: int, folder: Path, mock: MockProcess, control: bool = False) -> None:
        draw = random.Random(number)
        self.number, self.folder, self.mock = number, folder, mock
        self.victim = CONTROL if control or number % 10 == 9 else VICTIMS[draw.randrange(3)]
        self.at_s = draw.uniform(-BEFORE_S, DRILL_S + AFTER_S)
        self.waits_s = draw.uniform(0.3, 4.0)
        """From the start of the process, for a kill before the load."""
        self.outside = folder / "broken" if number % 3 == 0 else None

    def write(self) -> Path:
        self.folder.mkdir(parents=True)
        (self.folder / "plan.yaml").write_text(PLAN.format(target=self.mock.target, seed=self.number + 1))
        drill: dict[str, Any] = {
            "title": "A late tool",
            "plan": "plan.yaml",
            "injector": self.mock.admin_url,
            "ttl": f"{TTL_S:g}s",
            "load": {"rate": "30/s", "warm": "500ms", "tail": "2s"},
            "steady_state": {"for": "1600ms"},
            "faults": [{"on": "tools", "fault": "latency", "add_ms": 300, "for": "4s"}],
            "expect": {"recovered": {"within": "2s"}},
        }
        if self.outside:
            drill["outside"] = [_outside(self.outside)]
        path = self.folder / "drill.yaml"
        path.write_text(json.dumps(drill))
        return path

    def run(self) -> dict[str, Any]:
        command = [sys.executable, "-c", MAIN, "drill", "run", str(self.write()), "--runs", str(self.folder / "runs")]
        with (self.folder / "said.txt").open("wb") as said:
            self.process = subprocess.Popen(command, stdout=said, stderr=said, env=_env())
        self.started_s = time.monotonic()
        told: dict[str, Any] = {"number": self.number, "at": time.strftime("%Y-%m-%d %H:%M")}
        told |= {"victim": self.victim, "outside": bool(self.outside)}
        try:
            if self.victim != CONTROL:
                told |= self._kill()
            told["exit"] = self._wait()
            if told.get("counts"):
                told["leaked"] = self._leaked(told["alive_s"])
        finally:
            told["left"] = self._clear()
        result = self._result()
        return {**told, "result": result.get("result", ""), "why": result.get("why", "")}

    def _wait(self) -> int | None:
        try:
            return self.process.wait(LONGEST_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def _kill(self) -> dict[str, Any]:
        if self.at_s < 0:
            time.sleep(self.waits_s)
        else:
            self._wait_clock()
        pid = self._pid()
        if pid is None or self.process.poll() is not None or self._result():
            return {"counts": False}
        # what is there of it, to see later whether the load outlived its runner
        self.family = psutil.Process(self.process.pid).children(recursive=True)
        in_force = len(self.mock.faults()) + bool(self.outside and self.outside.exists())
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        killed_s = time.monotonic()
        starting = threading.Thread(target=self._restart)
        starting.start()
        alive_s = self._watch(killed_s)
        starting.join()
        return {"counts": True, "at_s": round(self.at_s, 2), "in_force": in_force, "alive_s": round(alive_s, 2)}

    def _restart(self) -> None:
        """A dead mock comes up again at once, while the drill goes on or ends."""
        if self.victim == "mock":
            self.mock.process.wait()
            self.mock.start()

    def _leaked(self, alive_s: float) -> bool:
        """Asked when the drill is over: a fault lived too long, or one is left, or the mock still behaves so."""
        return alive_s > TTL_S + GRACE_S or self._broken() or not self.mock.behaves()

    def _wait_clock(self) -> None:
        """Until the run's clock shows the moment: the drill's own door tells where it stands."""
        started = None
        while self.process.poll() is None and time.monotonic() - self.started_s < LONGEST_S:
            if started is None:
                with contextlib.suppress(StopIteration, ValueError, KeyError, OSError, httpx.HTTPError):
                    note = json.loads(next(self.folder.glob("runs/*/stop.json")).read_text())
                    said = httpx.get(
                        note["url"], headers={"authorization": f"Bearer {note['token']}"}, timeout=5
                    ).json()
                    if said["elapsed_s"] is not None:
                        started = time.monotonic() - said["elapsed_s"]
            elif time.monotonic() - started >= self.at_s:
                return
            time.sleep(0.05 if started is None else 0.01)

    def _pid(self) -> int | None:
        if self.victim == "runner":
            return self.process.pid
        if self.victim == "mock":
            return self.mock.process.pid
        found: list[int] = []

        def look() -> bool:
            with contextlib.suppress(psutil.Error):
                for child in psutil.Process(self.process.pid).children(recursive=True):
                    line = child.cmdline()
                    if "harness.engine.node" in line and "master" in line:
                        found.append(child.pid)
            return bool(found) or self.process.poll() is not None

        _until(look, 60)
        return found[0] if found else None

    def _watch(self, killed_s: float) -> float:
        """The last moment after the kill at which a fault was seen, in seconds; 0 where none was."""
        last_s = 0.0
        while (after_s := time.monotonic() - killed_s) < TTL_S + GRACE_S + 0.5:
            if self._broken():
                last_s = after_s
            time.sleep(0.05)
        return last_s

    def _broken(self) -> bool:
        """Whether anything is broken now. Mocks that do not answer break nothing: they are dead, or starting clean."""
        with contextlib.suppress(httpx.HTTPError):
            if self.mock.faults():
                return True
        return bool(self.outside and self.outside.exists())

    def _result(self) -> dict[str, Any]:
        for path in self.folder.glob("runs/*/drill.json"):
            with contextlib.suppress(OSError, ValueError):
                found: dict[str, Any] = json.loads(path.read_text())
                return found
        return {}

    def _clear(self) -> list[str]:
        """What of the drill was still running 15 s after its end; it is ended here. A watchman may: where its runner
        died while an action was under way, it looks for as long as the action may take whether its effect comes yet."""
        _, left = psutil.wait_procs(getattr(self, "family", []), timeout=15)
        names = []
        for process in left:
            with contextlib.suppress(psutil.Error):
                line = " ".join(process.cmdline())
                names.append("watchman" if "watchman" in line else line[-200:])
                process.kill()
        return names


def _outside(file: Path) -> dict[str, Any]:
    def program(name: str, path: str, *arguments: str) -> dict[str, Any]:
        return {"name": name, "provider": {"type": "process", "path": path, "arguments": [*arguments, str(file)]}}

    return {
        "on": "flag",
        "action": program("set the flag", "touch"),
        "rollback": program("clear the flag", "rm", "-f"),
        "active": program("it is set", "test", "-e"),
        "gone": program("it is clear", "test", "!", "-e"),
        "for": "4s",
    }


def _known() -> list[dict[str, Any]]:
    return [json.loads(line) for line in OUT.read_text().splitlines()] if OUT.exists() else []


def study(kills: int, jobs: int, seconds: float, first: int) -> None:
    """Until so many kills are known and controls have held, or no drill may be begun any more."""
    until_s = time.monotonic() + seconds
    OUT.parent.mkdir(parents=True, exist_ok=True)
    lock, known = threading.Lock(), _known()
    mine = [told["number"] for told in known if first <= told["number"] < first + _RANGE]
    numbers = iter(range(1 + max(mine, default=first - 1), first + _RANGE))
    spare = threading.local()
    mocks: list[MockProcess] = []

    with tempfile.TemporaryDirectory(prefix="peakproof-kills-") as name:

        def work() -> None:
            while True:
                with lock:
                    killed = sum(bool(told.get("counts")) for told in known) >= kills
                    if time.monotonic() > until_s or (killed and not uncontrolled(known)):
                        return
                    number = next(numbers)
                if not hasattr(spare, "mock"):
                    (folder := Path(name) / f"mock-{number}").mkdir()
                    spare.mock = MockProcess(folder)
                    mocks.append(spare.mock)
                told = Case(number, Path(name) / f"drill-{number}", spare.mock, control=killed).run()
                with lock, OUT.open("a") as out:
                    out.write(json.dumps(told) + "\n")
                    known.append(told)

        try:
            with ThreadPoolExecutor(jobs) as pool:
                for done in [pool.submit(work) for _ in range(jobs)]:
                    done.result()
        finally:
            for mock in mocks:
                mock.end()


def uncontrolled(known: Sequence[dict[str, Any]]) -> list[str]:
    """The kinds of drill of which no control held: there, a kill that was not HELD proves nothing."""
    held = {told["outside"] for told in known if told["victim"] == CONTROL and told["result"] == "HELD"}
    kinds = {False: "with leased faults alone", True: "with a fault on what is not ours"}
    return [words for outside, words in kinds.items() if outside not in held]


def misses(known: Sequence[dict[str, Any]], kills: int) -> list[str]:
    """What of the bars is not met, in words; empty where all are."""
    counted = [told for told in known if told.get("counts")]
    found = [f"{len(counted)} of {kills} kills"] * (len(counted) < kills)
    found += [f"no control held {words}" for words in uncontrolled(known)]
    for told in counted:
        name = f"drill {told['number']} ({told['victim']} killed)"
        found += [f"{name}: a fault was alive too long ({told['alive_s']} s)"] * told["leaked"]
        found += [f"{name}: reported as HELD"] * (told["result"] == "HELD")
        found += [f"{name}: {left} outlived it" for left in told.get("left", ()) if left != "watchman"]
    return found


def table(told: Sequence[dict[str, Any]]) -> str:
    """The Markdown table of docs/studies.md."""
    lines = [
        "| killed | kills | a fault was in force | alive past TTL + 1 s | longest alive, s | HELD | what was said |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for victim in (*VICTIMS, CONTROL):
        mine = [t for t in told if t["victim"] == victim and (victim == CONTROL or t.get("counts"))]
        words = Counter(t["result"] or f"no result (exit {t['exit']})" for t in mine)
        said = ", ".join(f"{word} {count}" for word, count in words.most_common())
        held, longest = words["HELD"], max((t.get("alive_s", 0.0) for t in mine), default=0.0)
        force, leaked = (sum(bool(t.get(name)) for t in mine) for name in ("in_force", "leaked"))
        lines.append(f"| {victim} | {len(mine)} | {force} | {leaked} | {longest:.2f} | {held} | {said} |")
    return "\n".join(lines)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--jobs", type=int, default=3, help="drills side by side")
    options.add_argument("--seconds", type=float, default=1e9, help="begin no further drill after so long")
    options.add_argument("--first", type=int, default=0, help="number of the first drill, for studies side by side")
    options.add_argument("--table", action="store_true", help="only print what is known")
    asked = options.parse_args()
    if not asked.table:
        study(asked.kills, asked.jobs, asked.seconds, asked.first)
    known = _known()
    missed = misses(known, asked.kills)
    sys.stdout.write("\n".join([table(known), *(f"not met: {words}" for words in missed)]) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
