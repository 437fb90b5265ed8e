"""The cache of extracted code."""

import asyncio
import io
import tarfile
from pathlib import Path

from pumphouse.executor.archives import Archives
from pumphouse.storage import open_storage


def archive_of(text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("main.py")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


async def test_many_archives_are_extracted_and_pruned_at_the_same_time(
    tmp_path: Path, store_url: str
) -> None:
    keys = [f"archives/{number}.tgz" for number in range(200)]
    async with open_storage(store_url) as storage:
        bucket = storage.platform
        await asyncio.gather(*(bucket.put(key, archive_of(key)) for key in keys))
        archives = Archives(bucket, tmp_path / "archives", kept=1)
        await asyncio.gather(
            *(archives.copy(key, tmp_path / f"copy-{number}") for number, key in enumerate(keys))
        )

    found = [(tmp_path / f"copy-{number}" / "main.py").read_text() for number in range(len(keys))]
    assert found == keys
