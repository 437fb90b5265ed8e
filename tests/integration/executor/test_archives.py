"""Code archives: extracted once, safely, and not for ever."""

import asyncio
import io
import os
import tarfile
import time
from pathlib import Path

import pytest

from pumphouse.executor.archives import EXTRACTED_LIMIT, Archives
from pumphouse.executor.faults import PlatformFault
from pumphouse.storage import FolderBlobs
from tests.integration.executor.platform import archive


class CountedBlobs(FolderBlobs):
    gets = 0

    async def get(self, key: str) -> bytes:
        self.gets += 1
        return await super().get(key)


def archives_in(folder: Path, kept: int = 10) -> tuple[Archives, CountedBlobs]:
    blobs = CountedBlobs(folder / "blobs")
    return Archives(blobs, folder / "cache", kept), blobs


async def test_copies_that_meet_share_one_extraction(tmp_path: Path) -> None:
    archives, blobs = archives_in(tmp_path)
    await blobs.put("k", archive({"a/b.txt": "text"}))
    targets = [tmp_path / f"copy-{i}" for i in range(20)]
    await asyncio.gather(*(archives.copy("k", target) for target in targets))
    assert {(target / "a/b.txt").read_text() for target in targets} == {"text"}
    assert blobs.gets == 1
    (targets[0] / "a/b.txt").write_text("changed")
    await archives.copy("k", tmp_path / "another")
    assert (tmp_path / "another/a/b.txt").read_text() == "text"
    assert blobs.gets == 1


async def test_executors_that_share_a_cache_do_not_disturb_each_other(tmp_path: Path) -> None:
    one, blobs = archives_in(tmp_path)
    other, _ = archives_in(tmp_path)
    await blobs.put("k", archive({f"f{i}": "x" * 1000 for i in range(200)}))
    await asyncio.gather(
        *(each.copy("k", tmp_path / f"{i}") for i, each in enumerate((one, other)))
    )
    assert len(list((tmp_path / "0").iterdir())) == len(list((tmp_path / "1").iterdir())) == 200
    assert len(list((tmp_path / "cache").iterdir())) == 1


def tar_with(member: tarfile.TarInfo, content: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def linked(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.SYMTYPE
    info.linkname = target
    return info


def sized(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


@pytest.mark.parametrize(
    "content",
    [
        b"not a tar",
        b"",
        tar_with(tarfile.TarInfo("../outside")),
        tar_with(linked("link", "/etc")),
        tar_with(linked("link", "../../outside")),
        tar_with(linked("link", "inside")),
        tar_with(tarfile.TarInfo("/etc/outside")),
        archive({"a.txt": "text" * 1000})[:60],
        tar_with(sized("zeros", EXTRACTED_LIMIT + 1), bytes(EXTRACTED_LIMIT + 1)),
    ],
    ids=[
        "text",
        "nothing",
        "parent",
        "absolute link",
        "link out",
        "link",
        "root",
        "half",
        "too large",
    ],
)
async def test_an_archive_that_cannot_be_trusted_leaves_nothing(
    tmp_path: Path, content: bytes
) -> None:
    archives, blobs = archives_in(tmp_path)
    await blobs.put("k", content)
    with pytest.raises(PlatformFault):
        await archives.copy("k", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert list((tmp_path / "cache").iterdir()) == []


async def test_scripts_stay_executable(tmp_path: Path) -> None:
    archives, blobs = archives_in(tmp_path)
    script = sized("bin/run.sh", 3)
    script.mode = 0o4755
    await blobs.put("k", tar_with(script, b"abc"))
    await archives.copy("k", tmp_path / "copy")
    assert (tmp_path / "copy/bin/run.sh").stat().st_mode & 0o7777 == 0o755


async def test_the_longest_unused_goes_but_nothing_that_was_used_lately(tmp_path: Path) -> None:
    archives, blobs = archives_in(tmp_path, kept=2)
    for key in "abcd":
        await blobs.put(key, archive({"name": key}))
    for key in "ab":
        await archives.copy(key, tmp_path / f"copy-{key}")
    half = tmp_path / "cache" / ".extracting-half"
    half.mkdir()
    long_ago = time.time() - 7200
    for entry in (tmp_path / "cache").iterdir():
        os.utime(entry, (long_ago, long_ago))
    await archives.copy("b", tmp_path / "copy-b2")
    await archives.copy("c", tmp_path / "copy-c")
    await archives.copy("d", tmp_path / "copy-d")
    names = sorted((entry / "name").read_text() for entry in (tmp_path / "cache").iterdir())
    assert names == ["b", "c", "d"]
