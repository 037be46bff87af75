"""Every drill of the catalogue asks for faults, settings and weaknesses that the mocks know, by their own parsers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import yaml

from harness.config import Plan, load_plan
from harness.drill import Drill, load_drill
from harness.errors import UsageError
from mock_services.config import Config, parse_config
from mock_services.copilot.settings import read_settings
from mock_services.copilot.weakness import weaknesses_from
from mock_services.faults import FaultError
from mock_services.up import Mocks

DRILLS = sorted((Path(__file__).parents[2] / "drills").glob("[0-9]*.yaml"))
SHORT_LIMIT_S = 25.0
names = pytest.mark.parametrize("path", DRILLS, ids=lambda path: path.stem)


def plan_of(drill: Drill) -> Plan:
    sets = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in drill.set.items()]
    return load_plan(drill.plan, sets)


def config_of(plan: Plan) -> Config:
    services = [upstream.to_service(name) for name, upstream in plan.upstreams.items()]
    return parse_config(orjson.dumps({"run_id": "t", "services": services}))


async def try_faults(drill: Drill, config: Config) -> None:
    """As the admin API does it, on the services themselves. Raises FaultError."""
    mocks = Mocks(replace(config, children=()), "t")
    try:
        await mocks.start(Path())
        for fault in drill.faults:
            host = mocks.hosts[fault.on]
            host.check(host.parse_fault(fault.fault, fault.fields))
    finally:
        await mocks.stop()


def test_the_catalogue_is_large() -> None:
    numbers = [load_drill(path).number for path in DRILLS]
    assert len(set(numbers)) == len(DRILLS) >= 25
    assert [f"{number:02d}" for number in numbers] == [path.name[:2] for path in DRILLS]


@names
@pytest.mark.parametrize("short", [False, True], ids=["whole", "short"])
def test_the_mocks_take_every_fault(path: Path, short: bool) -> None:
    drill = load_drill(path, short=short)
    asyncio.run(try_faults(drill, config_of(plan_of(drill))))


@names
def test_copilot_takes_every_setting_and_has_the_weakness(path: Path) -> None:
    drill = load_drill(path)
    assert weaknesses_from(drill.weakness), "a drill that nothing can miss proves nothing"
    copilot = plan_of(drill).upstreams["copilot"]
    environ = {"COPILOT_PRIMARY_URL": "http://x"}
    read_settings(environ | {f"COPILOT_{key.upper()}": str(value) for key, value in copilot.settings.items()})


@names
def test_the_short_form_is_short_and_only_shorter(path: Path) -> None:
    whole, short = load_drill(path), load_drill(path, short=True)
    assert [fault.on for fault in short.faults] == [fault.on for fault in whole.faults]
    assert short.expect.recovered and whole.expect.recovered
    length_s = short.load.warm_s + short.steady_state.for_s + short.load.hint_s + short.load.tail_s
    length_s += max(fault.after_s + short.fault_s(fault) for fault in short.faults) + short.expect.recovered.within_s
    assert length_s <= SHORT_LIMIT_S


@names
def test_it_says_why_and_fits_a_page(path: Path) -> None:
    text = path.read_text()
    assert "If this does not hold:" in " ".join(load_drill(path).why.split()), "what an on-call engineer needs"
    assert len(text.splitlines()) <= 35


def test_a_fault_the_mocks_do_not_know_is_found(tmp_path: Path) -> None:
    """So that the tests above can fail."""
    text = yaml.safe_load(DRILLS[0].read_text())
    text["plan"] = str(DRILLS[0].parent / text["plan"])
    text["faults"] = [{"on": "llm/primary", "fault": "latency", "delay_s": 2}]
    path = tmp_path / "01-x.yaml"
    path.write_text(yaml.safe_dump(text))
    drill = load_drill(path)
    with pytest.raises(FaultError, match="delay_s"):
        asyncio.run(try_faults(drill, config_of(plan_of(drill))))
    text["faults"] = [{"on": "llm/primary"}]
    path.write_text(yaml.safe_dump(text))
    with pytest.raises(UsageError):
        load_drill(path)
