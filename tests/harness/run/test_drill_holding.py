import math

import pytest

from harness.run.drill_holding import Event, Holder, Terms


class Idle(Holder):
    """Makes nothing, and tells when it was told to stop."""

    def dismiss(self) -> None:
        self.stop()

    @property
    def over(self) -> frozenset[str]:
        return frozenset()

    def reverted(self) -> dict[str, float]:
        return {}

    def run(self) -> None:
        self._stopping.wait()
        self._note("stopped")

    def forbidden(self) -> bool:
        return self._forbidden("nothing was broken")


def idle(veto: str = "", now_s: float = 2.5) -> tuple[Idle, list[str]]:
    alarms: list[str] = []
    return Idle("idle", Terms("run 7f3k", 5.0, lambda: now_s, lambda: veto, alarms.append)), alarms


def test_it_ends_when_it_is_told_to_and_does_not_keep_a_process_alive() -> None:
    holder, alarms = idle()
    assert holder.daemon
    holder.start()
    holder.stop()
    holder.join(30)
    assert not holder.is_alive() and holder.journal == [Event(2.5, "stopped")] and not alarms


def test_a_veto_is_noted_kept_and_told_to_the_others() -> None:
    holder, alarms = idle("errors 9%", -math.inf)
    assert holder.forbidden()
    assert holder.not_injected == "errors 9%" == alarms[0]
    assert holder.journal == [Event(-math.inf, "nothing was broken: errors 9%")]


def test_without_a_veto_nothing_is_said() -> None:
    holder, alarms = idle()
    assert not holder.forbidden() and not (alarms or holder.journal or holder.not_injected)


def test_a_holder_must_say_how_it_is_dismissed() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Holder("x", Terms("o", 1.0, float, str, print))  # type: ignore[abstract]
