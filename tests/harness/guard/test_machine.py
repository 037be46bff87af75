from __future__ import annotations

import socket
from pathlib import Path

from harness.guard import port_is_free, reach, read_machine


def test_this_machine_can_be_read(tmp_path: Path) -> None:
    facts = read_machine(tmp_path / "not" / "there" / "yet", {"HTTPS_PROXY": "http://x", "http_proxy": "", "PATH": "/"})
    assert facts.cores >= 1
    assert facts.disk_free
    assert facts.descriptors_soft
    assert 0 < facts.clock_step_ns < 10**9
    assert facts.proxies == ("HTTPS_PROXY",)


def test_a_listening_port_is_reached_and_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = reach(f"http://127.0.0.1:{port}/v1")
        assert found.error == ""
        assert found.addresses == ("127.0.0.1",)
        assert found.connect_s is not None
        assert not port_is_free(port)
    assert port_is_free(port)


def test_a_closed_port_is_said() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert "no connection to port" in reach(f"http://127.0.0.1:{port}").error


def test_a_name_that_does_not_resolve_is_said() -> None:
    assert "does not resolve" in reach("http://nowhere.invalid").error
