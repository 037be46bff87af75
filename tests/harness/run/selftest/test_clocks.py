"""The clock that lies: wall clocks are ahead by what the file says, at once; monotonic ones and sleeps are not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.run.selftest import clocks

LOOK = """
import json, time
from pathlib import Path
from sys import argv
begin = time.monotonic()
first = time.time()
Path(argv[1]).write_text("-3600")
time.sleep(0.01)
print(json.dumps({"ahead": first - float(argv[2]), "jump": time.time() - first, "passed": time.monotonic() - begin}))
"""


@pytest.mark.skipif(clocks.compiler() is None, reason="no C compiler")
def test_it_lies_about_wall_time_alone_and_can_be_set_while_a_program_runs(tmp_path: Path) -> None:
    variables = clocks.environment(tmp_path)
    clocks.set_clock(tmp_path, 3600)
    now_s = (tmp_path / clocks.FILE).stat().st_mtime
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(tmp_path / clocks.FILE), str(now_s)],
        env={**os.environ, **variables},
        capture_output=True,
        check=True,
    )
    seen = json.loads(done.stdout)
    assert 3600 <= seen["ahead"] < 3660
    assert -7200 <= seen["jump"] < -7140
    assert 0.01 <= seen["passed"] < 60
