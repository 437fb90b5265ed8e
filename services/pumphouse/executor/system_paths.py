"""What of this host user code can see, apart from what is made for it."""

import os
from collections.abc import Iterator
from pathlib import Path

LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Folders, or on most systems links into /usr."""

FOLDERS = ("/usr", "/opt", "/sys/devices/system")

SETTINGS = (
    *("/etc/ssl", "/etc/ca-certificates", "/etc/ca-certificates.conf", "/etc/pki"),
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/nsswitch.conf"),
    *("/etc/hostname", "/etc/networks", "/etc/services", "/etc/protocols", "/etc/rpc"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"),
    *("/etc/localtime", "/etc/timezone", "/etc/locale.alias", "/etc/locale.conf"),
    *("/etc/mime.types", "/etc/magic", "/etc/fonts", "/etc/os-release", "/etc/debian_version"),
    *("/etc/glvnd", "/etc/OpenCL", "/etc/vulkan", "/etc/odbcinst.ini"),
)

DEVICES = (*("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"),)

_MOST_LINKS = 40


def prefixes_of(interpreter: Path) -> list[Path]:
    """Folders that this Python needs: its environment, and what that was made from.

    Each as the links name it and as it really is, because both are looked up.
    """
    found = dict.fromkeys(link.parent.parent for link in _links(interpreter))
    if home := _home(interpreter.parent.parent / "pyvenv.cfg"):
        found[home.parent] = None
    found |= dict.fromkeys([prefix.resolve() for prefix in found])
    return [prefix for prefix in found if not is_below(prefix, ("/usr", "/opt"))]


def is_below(path: Path | str, folders: tuple[str, ...]) -> bool:
    """Whether it is one of these or in one."""
    return any(Path(path).is_relative_to(folder) for folder in folders)


def _links(path: Path) -> Iterator[Path]:
    """It, and in turn what it is a link to."""
    for _ in range(_MOST_LINKS):
        yield path
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / os.readlink(path)))


def _home(settings: Path) -> Path | None:
    try:
        lines = settings.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for name, _, value in (line.partition("=") for line in lines):
        if name.strip() == "home" and value.strip():
            return Path(value.strip())
    return None
