from __future__ import annotations

from mock_services.copilot.budget import Budget


def test_a_slice_is_never_more_than_what_is_left() -> None:
    now = [100.0]
    budget = Budget(10, lambda: now[0])
    assert budget.slice_s(4) == 4
    assert budget.slice_s(8, share=0.5) == 5
    now[0] = 108
    assert budget.slice_s(4) == 2
    assert budget.slice_s(4, share=0.5) == 1
    assert not budget.is_spent
    now[0] = 110
    assert budget.is_spent
    assert budget.slice_s(4) == 0


def test_an_endless_budget_has_no_timeouts() -> None:
    budget = Budget(float("inf"), lambda: 0.0)
    assert budget.slice_s(float("inf"), share=0.25) is None
    assert budget.slice_s(4) == 4
    assert not budget.is_spent
