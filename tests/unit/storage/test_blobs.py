from pathlib import Path

import pytest

from pumphouse.errors import Invalid, NotFound
from pumphouse.storage import FolderBlobs


async def test_what_is_put_can_be_read_replaced_and_deleted(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "not" / "there yet")
    await blobs.put("pipelines/one.tgz", b"first")
    await blobs.put("pipelines/one.tgz", b"second")
    assert await blobs.get("pipelines/one.tgz") == b"second"
    await blobs.delete("pipelines/one.tgz")
    await blobs.delete("pipelines/one.tgz")
    with pytest.raises(NotFound, match=r"one\.tgz"):
        await blobs.get("pipelines/one.tgz")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a//b", "../up", "a/../../up", "a/."])
async def test_a_key_cannot_leave_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(Invalid):
        await FolderBlobs(tmp_path).put(key, b"")
