"""From the tree of a repository to the archive of a pipeline."""

import gzip
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import dirname, join, normpath

from pumphouse.archives import MAX_CONTENT_BYTES
from pumphouse.contracts.catalog import Pipeline
from pumphouse.executor.faults import BuildFailed

_MOST_LINKS = 40
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Packed:
    """archive: a gzip tar, the same bytes for the same content. remarks: what may surprise."""

    archive: bytes
    remarks: list[str] = field(default_factory=list)


def packed(tree: Path, pipeline: Pipeline) -> Packed:
    """What a pipeline includes of a tree, a tar file. Blocks.

    Raises BuildFailed that names what is missing, too large, or a link that cannot travel.
    """
    try:
        with tarfile.open(tree, mode="r:") as opened:
            found = _Tree(opened, {normpath(member.name): member for member in opened})
            wanted = found.wanted(_included(pipeline))
            return Packed(_compressed(found, wanted), list(_remarks(found, wanted)))
    except tarfile.TarError as error:
        raise BuildFailed(f"The files of the repository cannot be read: {error}.") from error


def _included(pipeline: Pipeline) -> list[tuple[str, str]]:
    """Paths, each with what it is given by."""
    folders = pipeline.container.get("included_folders") or ["/"]
    requirements = pipeline.container.get("requirements_path")
    return [
        *((normpath(folder.lstrip("/") or "."), "included_folders") for folder in folders),
        *([] if requirements is None else [(requirements, "requirements_path")]),
        (pipeline.code.function_path, "function_path")
        if pipeline.code.dockerfile is None
        else (pipeline.code.dockerfile, "dockerfile_path"),
    ]


@dataclass(frozen=True)
class _Tree:
    """A tar file, and what is in it, by path."""

    opened: tarfile.TarFile
    members: dict[str, tarfile.TarInfo]

    def wanted(self, included: Sequence[tuple[str, str]]) -> dict[str, tarfile.TarInfo]:
        """The files that are included, links as what they lead to."""
        wanted: dict[str, tarfile.TarInfo] = {}
        for path, given_by in included:
            found = {name: self._file(name) for name in self._at(path)}
            files = {name: member for name, member in found.items() if member is not None}
            if not files and path != ".":
                raise BuildFailed(f"The repository has no {path!r} on this branch: see {given_by}.")
            wanted |= files
        size = sum(member.size for member in wanted.values())
        if size > MAX_CONTENT_BYTES:
            largest = max(wanted, key=lambda name: wanted[name].size)
            raise BuildFailed(
                f"The repository holds {size / 2**20:.1f} MiB of files, the limit is"
                f" {MAX_CONTENT_BYTES // 2**20} MiB; the largest is {largest!r}. Name what is"
                " needed in included_folders."
            )
        return wanted

    def content(self, member: tarfile.TarInfo) -> bytes:
        content = self.opened.extractfile(member)
        assert content is not None
        return content.read()

    def _at(self, path: str) -> Iterator[str]:
        if path in self.members and not self.members[path].isdir():
            yield path
            return
        prefix = "" if path == "." else f"{path}/"
        yield from (name for name in self.members if name.startswith(prefix))

    def _file(self, name: str) -> tarfile.TarInfo | None:
        """The file at a path, or where its links lead; None for a folder."""
        path = name
        for _ in range(_MOST_LINKS):
            member = self.members.get(path)
            if member is None or (member.isdir() and path != name):
                break
            if not member.issym():
                return member if member.isreg() else None
            path = normpath(join(dirname(path), member.linkname))
        raise BuildFailed(
            f"{name!r} in the repository is a link to a folder, to nowhere, or out of the"
            " repository, which cannot be taken along: leave it out with included_folders."
        )


def _remarks(tree: _Tree, wanted: dict[str, tarfile.TarInfo]) -> Iterator[str]:
    if ".gitmodules" in tree.members:
        yield "the repository has submodules, which are not fetched"
    for name, member in sorted(wanted.items()):
        if member.size < 1024 and tree.content(member).startswith(_LFS_POINTER):
            yield f"{name} is in Git LFS, which is not fetched: it is a few lines that name it"


def _compressed(tree: _Tree, wanted: dict[str, tarfile.TarInfo]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, found in sorted(wanted.items()):
            member = tarfile.TarInfo(name)
            member.size = found.size
            member.mode = 0o755 if found.mode & 0o100 else 0o644
            archive.addfile(member, io.BytesIO(tree.content(found)))
    return buffer.getvalue()
