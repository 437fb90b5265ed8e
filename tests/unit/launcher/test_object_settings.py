import pytest

from pumphouse.launcher.object_settings import volume_megabytes

MIB = 2**20


@pytest.mark.parametrize(
    ("free_bytes", "megabytes"),
    [(0, 8), (300 * MIB, 9), (2048 * MIB, 64), (32 * 1024 * MIB, 1024), (2**44, 1024)],
)
def test_a_small_disk_has_room_for_files_of_many_buckets(free_bytes: int, megabytes: int) -> None:
    assert volume_megabytes(free_bytes) == megabytes
