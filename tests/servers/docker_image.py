"""A base image made of this machine's own files, so that tests of containers need no registry."""

import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from tests.servers.docker import engine_url

_LEFT_OUT = {
    *("site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib", "tkinter"),
    *("ensurepip", "lib2to3", "turtledemo", "pydoc_data"),
}
_LIBRARY = re.compile(r"(/\S+) \(0x")


@contextmanager
def base_image() -> Iterator[str]:
    """The tag of an image with /bin/sh and /bin/python, removed in the end."""
    tag = f"pumphouse-test-base:{uuid.uuid4().hex[:12]}"
    client = docker.DockerClient(engine_url())
    try:
        client.api.import_image_from_data(_root(), *tag.split(":"))
        yield tag
        client.images.remove(tag, force=True)
    finally:
        client.close()


def _root() -> bytes:
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    library = Path(sysconfig.get_paths()["stdlib"])
    programs = [python, Path("/bin/sh").resolve(), *library.glob("lib-dynload/*.so")]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        for folder in ("bin", "tmp"):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o1777
            archive.addfile(member)
        for path in {python, *_libraries(programs)}:
            archive.add(path)
        archive.add("/bin/sh")
        archive.add(library, filter=_wanted)
        link = tarfile.TarInfo("bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, str(python)
        archive.addfile(link)
    return buffer.getvalue()


def _wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = os.path.basename(member.name)
    return None if name in _LEFT_OUT or name.startswith("config-") else member


def _libraries(programs: list[Path]) -> set[Path]:
    """What the programs are linked with, at the paths where they look for it."""
    said = subprocess.run(["ldd", *programs], check=False, capture_output=True, text=True).stdout
    return {Path(found) for found in _LIBRARY.findall(said)}
