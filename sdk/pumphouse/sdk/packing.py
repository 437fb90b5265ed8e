"""A local folder to the archive that the platform stores."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from pumphouse.sdk.errors import InvalidParameters, TooLarge

LIMIT_BYTES = 5 * 1024 * 1024
"""Of the files together, before compression."""

SKIPPED = frozenset(
    {
        "__pycache__",
        ".git",
        ".hg",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".venv",
        "node_modules",
    }
)
"""Folders left out wherever they are, unless they are included by name; so is any folder that
holds a virtual environment."""


def pack(folder: Path, included: Iterable[str]) -> bytes:
    """A gzip tar of what is `included`, the same bytes for the same content.

    included: files and folders in the folder, "/" for all of it.
    Raises InvalidParameters naming what is missing or leads out of the folder, and TooLarge.
    """
    root = folder.resolve()
    files = {file.relative_to(root): file for item in included for file in _files(root, item)}
    size = sum(file.stat().st_size for file in files.values())
    if size > LIMIT_BYTES:
        largest = max(files, key=lambda name: files[name].stat().st_size)
        raise TooLarge(
            f"The files of the pipeline are {size / 2**20:.1f} MB, the limit is "
            f"{LIMIT_BYTES / 2**20:g} MB; the largest is {largest.as_posix()!r}. "
            "Name what is needed in container_config['included_folders']."
        )
    return _compress(files)


def _files(root: Path, item: str) -> Iterator[Path]:
    relative = PurePosixPath(item.lstrip("/"))
    start = root / relative
    if ".." in relative.parts:
        raise InvalidParameters(f"{item!r} leads out of the folder {str(root)!r}.")
    if not start.exists():
        raise InvalidParameters(f"There is no {item!r} in the folder {str(root)!r}.")
    _refuse_escape(start, root)
    if start.is_dir():
        yield from _below(start, root)
    else:
        yield start


def _below(folder: Path, root: Path) -> Iterator[Path]:
    for child in sorted(folder.iterdir()):
        if child.is_symlink():
            _refuse_escape(child, root)
            if child.is_dir():
                raise InvalidParameters(
                    f"{child.relative_to(root).as_posix()!r} is a link to a folder, which an "
                    "archive cannot hold. Include that folder itself."
                )
        if child.is_dir():
            if child.name not in SKIPPED and not (child / "pyvenv.cfg").exists():
                yield from _below(child, root)
        elif child.is_file():
            yield child


def _refuse_escape(child: Path, root: Path) -> None:
    if not child.exists() or not child.resolve().is_relative_to(root):
        raise InvalidParameters(
            f"{child.relative_to(root).as_posix()!r} is a link that leads out of the folder, or "
            "nowhere. Copy what it points to, or leave it out of included_folders."
        )


def _compress(files: dict[Path, Path]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            content = files[name].read_bytes()
            member = tarfile.TarInfo(name.as_posix())
            member.size = len(content)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
