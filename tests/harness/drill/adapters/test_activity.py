import pytest
from pydantic import ValidationError

from harness.drill.adapters import Action, OutsideFault, Probe, ProcessProvider

SCALE = {
    "name": "scale",
    "provider": {"type": "process", "path": "kubectl", "arguments": "scale --replicas=0 'deploy/a b'"},
}
GONE = {"name": "ready", "provider": {"type": "http", "url": "http://127.0.0.1:1/healthz"}, "tolerance": 200}


def test_an_experiment_of_chaos_toolkit_reads_as_it_is() -> None:
    action = Action.model_validate(
        {"type": "action", **SCALE, "pauses": {"after": 5}, "provider": {**SCALE["provider"], "timeout": 3}}  # type: ignore[dict-item]
    )
    assert isinstance(action.provider, ProcessProvider)
    assert action.provider.arguments == ("scale", "--replicas=0", "deploy/a b")
    assert (action.pauses.after_s, action.provider.timeout_s) == (5, 3)


def test_arguments_as_options() -> None:
    provider = ProcessProvider.model_validate(
        {"type": "process", "path": "x", "arguments": {"--replicas": 0, "-v": None}}
    )
    assert provider.arguments == ("--replicas", "0", "-v")


def test_a_rollback_is_required_and_so_is_the_proof_of_it() -> None:
    whole = {"action": SCALE, "rollback": SCALE, "gone": GONE}
    assert OutsideFault.model_validate(whole).gone.tolerance.expect == 200
    for part in ("rollback", "gone"):
        with pytest.raises(ValidationError, match=part):
            OutsideFault.model_validate({name: value for name, value in whole.items() if name != part})


@pytest.mark.parametrize(
    "tolerance",
    [
        {"type": "range"},
        {"type": "range", "range": [5, 1]},
        {"type": "regex", "pattern": "("},
        {"type": "jsonpath", "path": "$..pods[*]"},
        {"type": "nonsense"},
    ],
)
def test_a_tolerance_that_cannot_be_held_is_refused(tolerance: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Probe.model_validate({**GONE, "tolerance": tolerance})


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "http:///x"])
def test_only_http(url: str) -> None:
    with pytest.raises(ValidationError):
        Probe.model_validate({**GONE, "provider": {"type": "http", "url": url}})
