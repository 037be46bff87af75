from pathlib import Path

import pytest

from harness.errors import RefusedError
from harness.store import target_lock


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/v1", "http://127.0.0.1:8080/"),
        ("http://[::1]:80", "http://LOCALHOST"),
        ("https://api.test", "https://API.test:443/v1"),
    ],
)
def test_a_target_is_held_once_however_it_is_spelt(tmp_path: Path, held: str, wanted: str) -> None:
    machine = tmp_path / "machine"
    with (
        target_lock(tmp_path / "runs", held, machine),
        pytest.raises(RefusedError, match="another run is loading"),
        target_lock(tmp_path / "runs", wanted, machine),
    ):
        pytest.fail("it was held")


def test_another_folder_of_runs_is_no_way_around(tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    with (
        target_lock(tmp_path / "mine", "http://127.0.0.1:8080", machine),
        pytest.raises(RefusedError),
        target_lock(tmp_path / "yours", "http://127.0.0.1:8080", machine),
    ):
        pytest.fail("it was held")


def test_machines_that_share_a_folder_of_runs_share_its_locks(tmp_path: Path) -> None:
    with (
        target_lock(tmp_path / "runs", "http://api.test", tmp_path / "one"),
        pytest.raises(RefusedError),
        target_lock(tmp_path / "runs", "http://api.test", tmp_path / "two"),
    ):
        pytest.fail("it was held")


def test_other_targets_are_free_and_a_lock_ends_with_its_block(tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    for _ in range(2):
        with (
            target_lock(tmp_path, "http://127.0.0.1:8080", machine),
            target_lock(tmp_path, "http://127.0.0.1:8081", machine),
        ):
            pass


def test_a_refusal_lets_go_of_what_it_had(tmp_path: Path) -> None:
    with target_lock(tmp_path / "a", "http://api.test", tmp_path / "machine"):
        with pytest.raises(RefusedError), target_lock(tmp_path / "b", "http://api.test", tmp_path / "machine"):
            pass
        with target_lock(tmp_path / "b", "http://api.test", tmp_path / "other machine"):
            pass
