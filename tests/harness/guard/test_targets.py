"""Load goes to loopback, or to a host that is both listed and owned; the resolved address decides."""

from __future__ import annotations

import pytest

from harness.errors import RefusedError, UsageError
from harness.guard.targets import Allowlist, check_target, split_target


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_always_permitted(address: str) -> None:
    assert Allowlist((), owned=False).permits("anything", address)


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.7",
        "10.0.0.1",
        "2001:db8::1",
        "::ffff:192.0.2.7",
        "169.254.169.254",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "x",
        "",
    ],
)
def test_nothing_else_is_without_list_and_ownership(address: str) -> None:
    assert not Allowlist((), owned=True).permits("localhost", address), "a name that looks local proves nothing"
    assert not Allowlist(["api.test", address], owned=False).permits("api.test", address)
    assert not Allowlist(["other.test"], owned=True).permits("api.test", address)


def test_listed_and_owned() -> None:
    allow = Allowlist(["API.test.", "192.0.2.7", "[2001:DB8:0::1]"], owned=True)
    assert allow.permits("api.TEST", "198.51.100.1")
    assert allow.permits("x", "192.0.2.7")
    assert allow.permits("x", "2001:db8::1")
    assert not allow.permits("sub.api.test", "198.51.100.1")


def test_metadata_and_kin_only_when_written_out() -> None:
    assert not Allowlist(["api.test"], owned=True).permits("api.test", "169.254.169.254")
    assert Allowlist(["169.254.169.254"], owned=True).permits("169.254.169.254", "169.254.169.254")
    assert not Allowlist(["api.test", "224.0.0.1"], owned=True).permits("api.test", "224.0.0.1")


def test_preflight_names_what_to_do() -> None:
    outside = lambda host, port: ("127.0.0.1", "192.0.2.7")  # noqa: E731
    with pytest.raises(RefusedError, match=r"192\.0\.2\.7.*--i-own-this-target"):
        check_target("http://api.test", (), owned=True, resolve=outside)
    with pytest.raises(RefusedError, match="pass --i-own-this-target"):
        check_target("http://api.test", ("api.test",), owned=False, resolve=outside)
    assert check_target("http://api.test", ("api.test",), owned=True, resolve=outside) == ("127.0.0.1", "192.0.2.7")
    assert check_target("http://localhost:9", (), owned=False, resolve=lambda h, p: ("::1",)) == ("::1",)


def test_preflight_on_names_that_lead_nowhere() -> None:
    def fail(host: str, port: int) -> tuple[str, ...]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(RefusedError, match="does not resolve: Name or service not known"):
        check_target("http://api.test", (), owned=False, resolve=fail)
    with pytest.raises(RefusedError, match="no address"):
        check_target("http://api.test", (), owned=False, resolve=lambda h, p: ())


@pytest.mark.parametrize(
    "url",
    ["", "api.test", "ftp://h", "http://", "http://h:99999", "http://u:p@h", "http://[::1", "http://h/a b", "//h"],
)
def test_no_url(url: str) -> None:
    with pytest.raises(UsageError):
        split_target(url)


def test_a_password_in_the_url_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        split_target("http://user:s3cret@h")
    assert "s3cret" not in str(caught.value)
