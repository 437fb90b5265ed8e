import threading
from pathlib import Path

import pytest

from pumphouse.errors import Conflict
from pumphouse.launcher.folder_lock import sole_owner


def test_a_second_owner_is_told_so(tmp_path: Path) -> None:
    with (
        sole_owner(tmp_path / "lock", in_use="taken"),
        pytest.raises(Conflict, match="taken"),
        sole_owner(tmp_path / "lock", in_use="taken"),
    ):
        pass


def test_the_next_owner_waits_as_long_as_it_may(tmp_path: Path) -> None:
    first = sole_owner(tmp_path / "lock", in_use="taken")
    first.__enter__()
    leaving = threading.Timer(0.1, first.__exit__, (None, None, None))
    leaving.start()
    with sole_owner(tmp_path / "lock", in_use="taken", patience_s=10):
        leaving.join()
