"""Every plan that ships names mocks, presets and settings which the mocks themselves know: their own parser says so."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from harness.config import Plan, load_plan
from harness.config.plan import KNOWN_MOCKS
from harness.config.starter import TEMPLATES, starter_files, write_starter
from mock_services.catalogue import CHILDREN, MOCKS
from mock_services.config import ConfigError, parse_config


def services(plan: Plan) -> bytes:
    return orjson.dumps({"run_id": "t", "services": [up.to_service(name) for name, up in plan.upstreams.items()]})


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name not in ("openai", "anthropic")])
def test_a_template_starts_mocks_that_exist(tmp_path: Path, template: str) -> None:
    write_starter(tmp_path, starter_files(template))
    config = parse_config(services(load_plan(tmp_path / "plan.yaml")))
    assert len(config.services) + len(config.children) >= 1


def test_every_mock_may_be_named_in_a_plan() -> None:
    assert {*MOCKS, *CHILDREN} <= set(KNOWN_MOCKS), "add it to KNOWN_MOCKS in harness/config/plan.py"


def test_the_mocks_refuse_what_they_do_not_know() -> None:
    """So that the test above can fail."""
    plan = Plan.model_validate(
        {
            "target": "x",
            "arrivals": {"segments": [{"phase": "peak", "hold": "1/s", "for": "1s"}]},
            "slo": {"slos": [{"text": "errors < 1%"}]},
            "upstreams": {"x": {"mock": "openai", "preset": "hosted-caht"}},
        }
    )
    with pytest.raises(ConfigError, match="hosted-caht"):
        parse_config(services(plan))
