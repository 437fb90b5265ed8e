"""Programs that a test as root runs as an ordinary user of the machine."""

import os
import pwd
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes import clean_environment

IS_ROOT = os.geteuid() == 0
only_as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")


@dataclass(frozen=True)
class OrdinaryUser:
    """home: a folder of theirs. interpreter: a Python with the project that they may run."""

    uid: int
    home: Path
    environment: Mapping[str, str]
    interpreter: str


def ordinary_user(folder: Path) -> OrdinaryUser:
    """One with a home in `folder`; skips the test where none of them reaches the project."""
    uid = pwd.getpwnam("nobody").pw_uid
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    os.chown(home, uid, uid)
    environment = clean_environment(
        HOME=str(home), TMPDIR=str(home), PYTHONPATH=os.pathsep.join(filter(None, sys.path))
    )
    return OrdinaryUser(uid, home, environment, _interpreter_for(uid, environment))


def _interpreter_for(user: int, environment: Mapping[str, str]) -> str:
    """A Python like ours that `user` may run: ours may lie in a folder that is closed to them."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/local/bin/{name}", f"/usr/bin/{name}"):
        with suppress(OSError):
            tried = subprocess.run(
                [candidate, "-c", "import pumphouse.launcher, litestar"],
                user=user,
                group=user,
                env=environment,
                cwd="/",
                stderr=subprocess.DEVNULL,
                check=False,
            )
            if tried.returncode == 0:
                return candidate
    pytest.skip("an ordinary user of this machine cannot reach the project and a Python for it")
