"""The habits of the house, as a test: sizes, names, tests that mirror the tree, no loose ends."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("harness", "mock_services", "loadprofiles", "drills", "bench")
SAYS_NOTHING = {
    "utils",
    "util",
    "common",
    "helpers",
    "helper",
    "misc",
    "base",
    "manager",
    "handler",
    "factory",
    "mixin",
}
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_a_module_and_its_functions_keep_their_size(path: Path) -> None:
    assert path.read_text().count("\n") <= MODULE_LINES_MAX
    for node in functions(path):
        assert node.end_lineno is not None
        assert node.end_lineno - node.lineno + 1 <= FUNCTION_LINES_MAX, f"{node.name} at line {node.lineno}"


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_names_say_something(path: Path) -> None:
    words = {word for part in path.relative_to(ROOT).with_suffix("").parts for word in part.split("_")}
    assert not words & SAYS_NOTHING
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            ends = re.findall(r"[A-Z][a-z]+", node.name)[-1:]
            assert not {word.lower() for word in ends} & SAYS_NOTHING, node.name


def test_no_loose_ends() -> None:
    loose = re.compile(r"\b(TODO|FIXME|XXX)\b|NotImplementedError")
    found = [relative(path) for path in modules() if loose.search(path.read_text())]
    assert found == []


def test_a_lint_exception_gives_its_reason() -> None:
    bare = re.compile(r"#\s*noqa(?!: [A-Z0-9, ]+ --? \w)|#\s*type:\s*ignore(?!\[)")
    found = [
        f"{relative(path)}:{number}"
        for path in modules()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []


def test_tests_mirror_the_tree() -> None:
    """A test file of a room stands where its module stands: `tests/harness/x/test_y.py` for `harness/x/y.py`."""
    strangers = []
    for package in ("harness", "mock_services"):
        for test in sorted((ROOT / "tests" / package).rglob("test_*.py")):
            place = test.relative_to(ROOT / "tests").parent / test.stem.removeprefix("test_")
            prefixes = [ROOT / place.parent / "_".join(place.name.split("_")[:k]) for k in range(1, 9)]
            if place.name not in ("e2e", "fuzz", place.parent.name) and not any(
                p.with_suffix(".py").exists() or p.is_dir() for p in prefixes
            ):
                strangers.append(relative(test))
    assert strangers == []


def test_the_machine_is_not_in_the_tree() -> None:
    """No absolute path of a developer's machine, and no address in a lock file."""
    for lock in ROOT.glob("*.lock"):
        assert "://" not in lock.read_text(), lock.name


def test_the_command_line_loads_neither_locust_nor_gevent() -> None:
    """Importing Locust patches sockets and sleep: it happens in the engine's own processes only."""
    code = (
        "import sys, harness.cli.app, harness.run, harness.engine; harness.cli.app.build();"
        "sys.exit(any(name in sys.modules for name in ('locust', 'gevent')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
