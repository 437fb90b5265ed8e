"""What an engine builds an image from: a tar of the code, the same bytes for the same content."""

import hashlib
import tarfile
from pathlib import Path


def pack_context(folder: Path, target: Path) -> str:
    """Write a tar file of all files in the folder; the SHA-256 of it. Blocks. Raises OSError."""
    with tarfile.open(target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            if path.is_dir():
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(member)
                continue
            found = path.stat()
            member.size = found.st_size
            member.mode = 0o755 if found.st_mode & 0o100 else 0o644
            with path.open("rb") as file:
                archive.addfile(member, file)
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tag_of(context: str, dockerfile: str) -> str:
    """The tag of what a Dockerfile makes of a context that has this hash."""
    digest = hashlib.sha256(f"{context}\0{dockerfile}".encode()).hexdigest()
    return f"pumphouse-pipeline:{digest}"
