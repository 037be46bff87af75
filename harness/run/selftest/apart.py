"""Rows that need a network of their own: tried in a namespace where a lossy path or a hundred ports harm nobody.

`unshare` makes it; root can always, others where the kernel lets them have namespaces. In it this module is the
program: it shapes the network, tries the row as everywhere else, and prints what it came to.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

from harness.run.selftest.lie import Apart, Finding, Lie

_LONGEST_S = 600.0
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def try_apart(lie: Lie, folder: Path) -> Finding:
    """`lie` in a namespace of its own; skipped, with the reason, where this machine cannot make one."""
    assert lie.apart is not None
    if missing := [tool for tool in lie.apart.tools if shutil.which(tool) is None]:
        return Finding(lie, "-", f"{missing[0]} is not installed", skipped=True)
    space = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    refused = subprocess.run([*space, "true"], capture_output=True, text=True, check=False)  # noqa: S603 -- fixed words
    if refused.returncode:
        return Finding(lie, "-", f"no namespaces here: {refused.stderr.strip()}", skipped=True)
    folder.mkdir(parents=True, exist_ok=True)
    command = [*space, sys.executable, "-m", "harness.run.selftest.apart", lie.row, str(folder)]
    done = subprocess.run(  # noqa: S603 -- our own module
        command, capture_output=True, text=True, timeout=_LONGEST_S, check=False
    )
    try:
        told = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        return Finding(lie, "-", f"its namespace could not be made as it should be: {last}", skipped=True)
    return Finding(lie, told["got"], told["trouble"], told["skipped"], tuple(told["reasons"]))


def shape(apart: Apart, folder: Path) -> None:
    """Makes the namespace that we are in what `apart` says. Raises OSError and CalledProcessError."""
    _loopback_up()
    if apart.ports:
        Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(apart.ports)
    if apart.hosts:
        names = folder.parent / f"{folder.name}.hosts"
        names.write_text(apart.hosts + "\n")
        subprocess.run(["mount", "--bind", str(names), "/etc/hosts"], check=True)  # noqa: S603, S607 -- in our namespace
    for command in apart.commands:
        subprocess.run(command.split(), check=True)  # noqa: S603 -- the rows' own words


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))


def main(row: str, folder: Path) -> int:
    from harness.run.selftest.catalogue import chosen  # late: the catalogue's rows are tried by way of this module
    from harness.run.selftest.trial import try_here

    (lie,) = chosen([row])
    assert lie.apart is not None
    shape(lie.apart, folder)
    finding = try_here(lie, folder)
    told = {name: getattr(finding, name) for name in ("got", "trouble", "skipped", "reasons")}
    print(json.dumps(told))  # noqa: T201 -- read by `try_apart`
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
