from dataclasses import replace

import numpy as np
import pytest

from harness.drill import numbers_of
from harness.drill.effect import durations_differ, rates_differ, shares_differ
from tests.harness.drill.planted import World, drill, seen


@pytest.mark.parametrize("effect", [True, False])
def test_a_fault_is_told_from_one_that_does_nothing(effect: bool) -> None:
    world = World(effect=effect, delay_s=1.0 if effect else float("inf"))
    assert numbers_of(drill(), seen(world, 3)).effects == (("llm/primary", effect),)


def test_a_fault_on_what_keeps_no_log_counts_where_its_probe_saw_it() -> None:
    program = {"name": "x", "provider": {"type": "process", "path": "true"}}
    words = {"on": "flag", "action": program, "rollback": program, "gone": program, "for": "60s"}
    outside = drill(faults=[], outside=[words])
    calm = seen(World(effect=False, delay_s=float("inf")), 3)
    assert numbers_of(outside, calm).effects == (("flag", False),)
    shown = type(calm)(**{**calm.__dict__, "shown": ("flag",)})
    assert numbers_of(outside, shown).effects == (("flag", True),)


def test_of_a_leased_fault_on_what_keeps_no_log_the_users_tell() -> None:
    link = drill(faults=[{"on": "link", "fault": "latency", "latency": 900, "for": "60s"}])
    calm = seen(World(effect=False, delay_s=float("inf")), 3)
    assert numbers_of(link, calm).effects == (("link", False),)
    slow = replace(calm, finished_s=calm.finished_s + np.where(calm.due_in(calm.inject_s, calm.revert_s), 0.9, 0.0))
    assert numbers_of(link, slow).effects == (("link", True),)
    assert numbers_of(drill(), slow).effects == (("llm/primary", False),), "its own log says that nothing happened"


def test_few_samples_and_equal_ones_do_not_differ() -> None:
    some = np.ones(4, bool)
    assert not shares_differ(some, some, ~some)
    rng = np.random.default_rng(1)
    a, b = rng.lognormal(0, 0.3, 200), rng.lognormal(0, 0.3, 200)
    assert not durations_differ(a, b) and durations_differ(a, b * 2)
    assert not durations_differ(a[:3], b * 9)
    assert not rates_differ(100, 100, 108, 100) and rates_differ(100, 100, 300, 100)
