import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.drill import OutsideFault, OutsideSpan
from harness.errors import PeakproofError
from harness.run.drill_holding import Terms
from harness.run.drill_outside import OutsideHolder, Reach, check_outside, command_of

REACH = Reach((), owned=False, environ={"PATH": "/usr/bin:/bin"})


def program(name: str, path: str, *arguments: object) -> dict[str, Any]:
    provider = {"type": "process", "path": path, "arguments": [str(a) for a in arguments], "timeout": 5}
    return {"name": name, "provider": provider}


def fault(flag: Path, **changes: Any) -> OutsideFault:
    words = {
        "on": "flag",
        "action": program("set it", "touch", flag),
        "rollback": program("clear it", "rm", "-f", flag),
        "active": program("it is set", "test", "-e", flag),
        "gone": program("it is clear", "test", "!", "-e", flag),
        "for": "1s",
    }
    return OutsideFault.model_validate({**words, **changes})


def held(broken: OutsideFault, log: Path, *, until: float = 0.3, veto: str = "", stop: bool = False) -> OutsideHolder:
    began_s = time.monotonic()
    alarms: list[str] = []
    terms = Terms("run 7f3k", 5.0, lambda: time.monotonic() - began_s, lambda: veto, alarms.append)
    holder = OutsideHolder(OutsideSpan(broken, 0.0, until), REACH, terms, log)
    if stop:
        holder.stop()
    holder.start()
    holder.join(30)
    assert not holder.is_alive()
    assert alarms == [*filter(None, [holder.not_injected or (holder.trouble if not holder.against else "")])]
    return holder


def test_nothing_stands_against_it(tmp_path: Path) -> None:
    check_outside(fault(tmp_path / "flag"), REACH)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"action": program("x", "no-such-program")}, "needs the program 'no-such-program'"),
        ({"gone": program("never", "false")}, "not in its steady state"),
        ({"active": program("always", "true")}, "before it was made"),
        ({"action": program("x", "touch", "${env:NOT_SET}")}, "no NOT_SET"),
        ({"rollback": {"name": "x", "provider": {"type": "http", "url": "http://192.0.2.1/"}}}, "192.0.2.1"),
    ],
)
def test_what_refuses_a_start(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(PeakproofError, match=says):
        check_outside(fault(tmp_path / "flag", **changes), REACH)


def test_what_a_person_types_to_do_it_by_hand() -> None:
    action = fault(Path("a b")).rollback
    assert command_of(action) == "rm -f 'a b'"
    asked = {"name": "x", "provider": {"type": "http", "url": "http://127.0.0.1:1/a?b=c&d", "method": "post"}}
    assert command_of(fault(Path("f"), rollback=asked).rollback) == "curl -X POST 'http://127.0.0.1:1/a?b=c&d'"


@pytest.mark.e2e
def test_it_is_done_seen_and_taken_back(tmp_path: Path) -> None:
    holder = held(fault(tmp_path / "flag"), tmp_path / "log")
    assert (holder.trouble, holder.against, holder.not_injected) == ("", "", "")
    assert holder.shown == ["flag"] and not (tmp_path / "flag").exists()
    (granted,) = holder.granted
    assert holder.reverted()[granted.id] > granted.granted_s
    assert "seen by 'it is clear'" in holder.journal[-1].what


@pytest.mark.e2e
@pytest.mark.parametrize("how", [{"veto": "errors 9 %"}, {"stop": True}])
def test_what_never_began_is_not_taken_back(tmp_path: Path, how: dict[str, Any]) -> None:
    rollback = program("leave a mark", "touch", tmp_path / "mark")
    holder = held(fault(tmp_path / "flag", rollback=rollback), tmp_path / "log", **how)
    assert holder.not_injected == how.get("veto", "") and not holder.granted
    assert not (tmp_path / "mark").exists() and not (tmp_path / "flag").exists()


@pytest.mark.e2e
def test_an_action_that_fails_is_trouble_and_is_taken_back_all_the_same(tmp_path: Path) -> None:
    action = program("half", sys.executable, "-c", f"open({str(tmp_path / 'flag')!r}, 'w'); raise SystemExit(3)")
    holder = held(fault(tmp_path / "flag", action=action), tmp_path / "log", until=60)
    assert "'half' failed: it ended with 3" in holder.trouble
    assert not holder.against and not (tmp_path / "flag").exists()


@pytest.mark.e2e
def test_a_rollback_that_does_not_help_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.run.drill_outside.SEEN_WITHIN_S", 0.0)
    monkeypatch.setattr("harness.run.drill_outside.TRIES", 1)
    monkeypatch.setattr("harness.run.drill_outside.Reach.sees", lambda reach, probe, within_s=0: reach.do(probe).ok)
    flag = tmp_path / "flag"
    # It helps the watchman alone, who tries a second time.
    tried = str(tmp_path / "tried")
    code = f"import os; os.path.exists({tried!r}) and os.remove({str(flag)!r}); open({tried!r}, 'w')"
    holder = held(fault(flag, rollback=program("second time", sys.executable, "-c", code)), tmp_path / "log")
    assert "does not see it gone" in holder.against and holder.against == holder.trouble
    assert not flag.exists() and '"rolled_back": true' in (tmp_path / "log").read_text()
