from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from harness.config.arrivals import ArrivalsPlan, Burst, Prompts, Segment, Slice


@pytest.mark.parametrize(
    ("fields", "shape"),
    [
        ({"hold": "20/s", "for": "1m"}, "hold"),
        ({"ramp": ["0/s", "20/s"], "for": "1m"}, "ramp"),
        ({"step": ["1/s", "2/s", "4/s"], "for": "1m"}, "step"),
        ({"spike": {"base": "1/s", "peak": "9/s", "at": "5s", "width": "1s"}, "for": "1m"}, "spike"),
        ({"sine": {"mean": "5/s", "amplitude": "5/s", "period": "10s"}, "for": "1m"}, "sine"),
        ({"replay": "times.csv"}, "replay"),
    ],
)
def test_a_segment_has_one_shape(fields: dict[str, Any], shape: str) -> None:
    assert Segment.model_validate({"phase": "peak", **fields}).shape == shape


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"for": "1m"}, "none"),
        ({"hold": "1/s", "ramp": ["1/s", "2/s"], "for": "1m"}, "hold and ramp"),
        ({"hold": "1/s"}, "for: missing"),
        ({"sine": {"mean": "1/s", "amplitude": "2/s", "period": "10s"}, "for": "1m"}, "never negative"),
        ({"hold": "1/s", "for": "1m", "phase": "two words"}, "phase"),
        ({"step": ["1/s"], "for": "1m"}, "step"),
    ],
)
def test_a_segment_that_is_none(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Segment.model_validate({"phase": "peak", **fields})


def test_short_forms() -> None:
    assert Slice.model_validate("5m") == Slice.model_validate({"for": "5m"})
    assert Slice.model_validate({"from": "2h", "for": "5m"}).from_s == 7200
    assert Burst.model_validate("none").kind == "none"
    assert Burst.model_validate({"variance": 0.5, "tau": "10s"}).tau_s == 10


@pytest.mark.parametrize(
    ("model", "value"),
    [(Burst, "fixed"), (Burst, {"variance": 1}), (Burst, "fittd"), (Prompts, {}), (Slice, {"from": "1s"})],
)
def test_half_a_form_is_refused(model: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(value)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"from": "p.json", "segments": [{"phase": "p", "hold": "1/s", "for": "1s"}]},
        {"segments": [{"phase": "p", "hold": "1/s", "for": "1s"}], "slice": "1m"},
    ],
)
def test_arrivals_have_one_source(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ArrivalsPlan.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"quantile": 0.9}, "quantile: only a forecast"),
        ({"slice": "1m", "warm": "5s"}, "slice and warm: only a forecast"),
        ({"time_scale": 60}, "time_scale: only a forecast"),
        ({"process": "replay"}, "needs a `replay` segment"),
        ({"process": "cox"}, "needs `burst` in numbers"),
    ],
)
def test_segments_refuse_what_would_do_nothing(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ArrivalsPlan.model_validate({"segments": [{"phase": "p", "hold": "1/s", "for": "1s"}], **fields})
