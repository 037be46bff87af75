import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.forecast import Burst, Level, Mix, Peak, Recorded, peak_from_json, peak_to_json

PEAK = Peak(
    label="NOISY",
    sentence="the 95 % peak is 12 requests/s",
    bucket_s=300.0,
    rates_per_s=np.array([1.0, 10.0, 2.5]),
    levels=(Level(0.5, 10.0), Level(0.95, 12.0)),
    quantile_asked=0.95,
    quantile=0.95,
    start="2026-05-12T00:00:00",
    burst=Burst(0.5, 3.0),
    burst_source="fitted",
    worst_second_per_s=30.0,
    mix={"chat": 3.0, "embed": 1.0},
    tokens=np.array([[374, 44], [396, 109]], np.uint32),
    recorded=Recorded(np.array([0.0, 0.5, 700.125]), np.array([[1, 2], [3, 4], [5, 6]], np.uint32)),
    provenance={"history": "h.csv", "rows_in": 10, "wape": 0.1, "donor": None},
    notes=("a doubt",),
)


def test_there_and_back():
    back = peak_from_json(peak_to_json(PEAK))
    assert peak_to_json(back) == peak_to_json(PEAK)
    assert np.array_equal(back.rates_per_s, PEAK.rates_per_s)
    assert np.array_equal(back.recorded.offsets_s, PEAK.recorded.offsets_s)
    assert np.array_equal(back.recorded.tokens, PEAK.recorded.tokens)
    assert (back.levels, back.burst, dict(back.mix), back.notes) == (PEAK.levels, PEAK.burst, PEAK.mix, PEAK.notes)


MIXED = replace(
    PEAK,
    mix_over_time=Mix(("chat", "embed"), np.array([0.0, 300.0]), np.array([[0.75, 0.25], [0.5, 0.5]])),
    token_journeys=np.array([0, 1], np.uint8),
    recorded=replace(PEAK.recorded, journeys=np.array([1, 0, 0], np.uint8)),
)


def test_journeys_there_and_back():
    back = peak_from_json(peak_to_json(MIXED))
    assert peak_to_json(back) == peak_to_json(MIXED)
    assert back.mix_over_time.names == ("chat", "embed")
    assert np.array_equal(back.mix_over_time.shares, MIXED.mix_over_time.shares)
    assert np.array_equal(back.recorded.journeys, MIXED.recorded.journeys)
    assert np.array_equal(back.token_journeys, MIXED.token_journeys)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 899.9), min_size=1, max_size=50))
def test_recorded_times_are_kept_to_the_microsecond(offsets):
    recorded = Recorded(np.sort(np.array(offsets)))
    peak = Peak("OBSERVED", "s", 300.0, np.ones(3), recorded=recorded)
    back = peak_from_json(peak_to_json(peak))
    assert np.abs(back.recorded.offsets_s - recorded.offsets_s).max() <= 0.51e-6


def test_a_field_a_line():
    assert len(peak_to_json(PEAK).splitlines()) == 17


def broken(peak=PEAK, **changes):
    document = json.loads(peak_to_json(peak))
    for path, value in changes.items():
        *parents, last = path.split("__")
        here = document
        for parent in parents:
            here = here[parent]
        here[last] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sentense": "x"}, "sentense: unknown field, did you mean 'sentence'"),
        ({"label": "SURE"}, "label: "),
        ({"version": 2}, "version: "),
        ({"rate__bucket_s": 0}, r"rate\.bucket_s: "),
        ({"rate__expected_per_s": []}, r"rate\.expected_per_s: "),
        ({"rate__expected_per_s": [1, -2]}, r"rate\.expected_per_s\[1\]: "),
        ({"rate__expected_per_s": [1, "many"]}, r"rate\.expected_per_s\[1\]: .*not 'many'"),
        ({"rate__levels": [{"quantile": 0.9, "peak_per_s": 3}, {"quantile": 0.5, "peak_per_s": 4}]}, "levels ascend"),
        ({"rate__levels": [{"quantile": 0.5, "peak_per_s": 3}, {"quantile": 0.9, "peak_per_s": 2}]}, "levels ascend"),
        ({"quantile__used": 1.5}, r"quantile\.used: "),
        ({"burst__tau_s": 0}, r"burst\.tau_s: "),
        ({"mix": {"chat": 0}}, "no share above 0"),
        ({"mix": {"chat": -1}}, r"mix\.chat: "),
        ({"tokens__tokens_in": [1]}, "1 tokens_in, but 2 tokens_out"),
        ({"tokens__tokens_in": [1, 2**40]}, r"tokens\.tokens_in\[1\]: "),
        ({"recorded__gaps_us": [0, 1]}, "2 gaps_us, but 3 token pairs"),
        ({"recorded__gaps_us": [0, 1, 10**10]}, "beyond the curve"),
        ({"recorded__gaps_us": [0, -1, 5]}, r"recorded\.gaps_us\[1\]: "),
    ],
)
def test_what_is_wrong_is_named(changes, says):
    with pytest.raises(UsageError, match=says) as caught:
        peak_from_json(broken(**changes), "plans/peak.json")
    assert str(caught.value).startswith("plans/peak.json: ")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mix_over_time__starts_s": [1, 300]}, "starts_s ascend from 0"),
        ({"mix_over_time__starts_s": [0, 0]}, "starts_s ascend from 0"),
        ({"mix_over_time__starts_s": [0]}, "1 starts_s, but 2 shares"),
        ({"mix_over_time__shares": [[1, 0], [0, 0]]}, "no share above 0"),
        ({"mix_over_time__shares": [[1], [1]]}, "the 2 shares of mix"),
        ({"mix_over_time__shares": [[1, -1], [1, 0]]}, r"mix_over_time\.shares\[0\]\[1\]: "),
        ({"recorded__journeys": [0, 1]}, "3 gaps_us, but 2 journeys"),
        ({"recorded__journeys": [0, 1, 2]}, "numbers of the 2 in mix"),
        ({"tokens__journeys": [0]}, "2 tokens_in, but 1 journeys"),
        ({"tokens__journeys": [0, 300]}, r"tokens\.journeys\[1\]: "),
    ],
)
def test_what_is_wrong_with_its_journeys_is_named(changes, says):
    with pytest.raises(UsageError, match=says):
        peak_from_json(broken(MIXED, **changes))


def test_all_that_is_wrong_at_once():
    with pytest.raises(UsageError) as caught:
        peak_from_json(broken(label="SURE", sentense="x", rate__bucket_s=-1))
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{\n "label": }', r"peak\.json:2:11: not JSON"),
        ('{"label": "NOISY", "label": "NOISY"}', "'label' is given twice"),
        ('{"worst_second_per_s": NaN}', "NaN is no number"),
        ("[1, 2]", "peak.json: "),
        ("", r"peak\.json:1:1: not JSON"),
        ("[" * 100_000, "not a peak"),
        ('{"rate": {"bucket_s": 1e999}}', "rate"),
    ],
)
def test_what_is_no_peak_at_all(text, says):
    with pytest.raises(UsageError, match=says):
        peak_from_json(text)


def test_a_missing_field_is_missed():
    document = json.loads(peak_to_json(PEAK))
    del document["rate"]
    with pytest.raises(UsageError, match="rate: Field required"):
        peak_from_json(json.dumps(document))
