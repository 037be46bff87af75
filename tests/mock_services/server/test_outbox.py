from __future__ import annotations

from mock_services.server import Outbox


class Speaker:
    def __init__(self, name: str, heard: list[str]) -> None:
        self.name, self.heard = name, heard

    def send_held(self) -> None:
        self.heard.append(self.name)


def test_everybody_speaks_once_in_the_order_they_were_added() -> None:
    heard: list[str] = []
    outbox = Outbox()
    outbox.holding = True
    for name in "bca":
        outbox.add(Speaker(name, heard))
    assert heard == []
    outbox.flush()
    assert heard == ["b", "c", "a"] and outbox.holding
    outbox.flush()
    assert heard == ["b", "c", "a"], "what has left does not leave again"
    outbox.add(Speaker("d", heard))
    outbox.release()
    assert heard[-1] == "d" and not outbox.holding
