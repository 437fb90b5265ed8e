"""User code behind walls, as an executor that is root or an ordinary user puts it there."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pumphouse.executor.enclosure import RUNNER, Enclosure
from pumphouse.executor.isolation import Isolation, Level
from pumphouse.executor.pool_users import PoolUser, PoolUsers, folder_for_locks
from pumphouse.executor.walls import Limits

ORDINARY = 58190
POOL = (58195, 4)
ZYGOTE = Path(__file__).with_name("walled_zygote.py")


class Outcome(msgspec.Struct, frozen=True):
    """walls: what `raise_walls` said. error: what the code raised."""

    walls: dict[str, str]
    result: Any = None
    error: str = ""
    trace: str = ""


@dataclass(frozen=True)
class Site:
    """Where attempts are made. secret: a file of the host that everyone may read."""

    folder: Path
    interpreter: Path
    user: PoolUser | None
    uid: int

    @property
    def secret(self) -> Path:
        return self.folder / "secret"

    def attempt(
        self,
        code: str,
        level: Level = Level.WALLED,
        *,
        is_walled: bool = True,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        before: str = "",
        **names: Any,
    ) -> Outcome:
        """Run it in a zygote of that level. is_walled: whether the execution raises its walls.

        before: code of another execution in the same zygote, before this one.
        """
        enclosure = self._enclosure(level, limits)
        folders = {name: enclosure.ground / name for name in ("own", "beside")}
        for folder in folders.values():
            enclosure.furnish(folder)
        (folders["beside"] / "private").write_text("private")
        for folder in folders.values():
            self._give(enclosure, folder)
        walls, neighbour = (
            msgspec.to_builtins(enclosure.walls(folder)) for folder in folders.values()
        )
        paths = {"folder": str(folders["own"]), "beside": str(folders["beside"])}
        names |= {"secret": str(self.secret), "ground": str(enclosure.ground), **paths}
        attempts = [
            {"code": before, "walls": neighbour if is_walled else None},
            {"code": code, "walls": walls if is_walled else None},
        ]
        given = {"names": names, "neighbour": neighbour, "attempts": attempts}
        return self._run(enclosure, json.dumps(given))

    def _enclosure(self, level: Level, limits: Limits) -> Enclosure:
        isolation = Isolation(
            level=level,
            has_view=level is Level.WALLED,
            has_user=self.user is not None,
            has_folders=level is not Level.PLAIN,
            is_scoped=level is not Level.PLAIN,
        )
        place = Path(tempfile.mkdtemp(dir=self.folder))
        place.chmod(0o755)
        enclosure = Enclosure(
            isolation,
            self.interpreter,
            place / "zygote",
            limits,
            user=self.user,
            readable_paths=[ZYGOTE],
        )
        self._give(enclosure, enclosure.ground)
        return enclosure

    def _give(self, enclosure: Enclosure, folder: Path) -> None:
        """As the executor would, or to the ordinary user that root stands in for."""
        enclosure.own(folder)
        if self.user is None and os.getuid() != self.uid:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid, self.uid)

    def _run(self, enclosure: Enclosure, given: str) -> Outcome:
        theirs, lifeline = os.pipe()
        command = enclosure.command(theirs, [])
        command += [*map(str, (self.interpreter, "-I", "-B", ZYGOTE, RUNNER))]
        try:
            done = subprocess.run(
                self._as_executor(command),
                input=given,
                capture_output=True,
                text=True,
                pass_fds=[theirs],
                cwd="/",
                timeout=60,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "MARK": "of the zygote"},
            )
        finally:
            os.close(theirs)
            os.close(lifeline)
        assert done.stdout, done.stderr
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Outcome)

    def _as_executor(self, command: Sequence[str]) -> list[str]:
        if os.getuid() == self.uid or self.user is not None:
            return list(command)
        reachable = [str(self.interpreter) if part == sys.executable else part for part in command]
        user = (f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "--")
        return ["setpriv", *user, *reachable]


@contextmanager
def site(executor: str, below: str = "/var/tmp") -> Iterator[Site]:
    """executor: "root" or "ordinary". Skips what this machine cannot show."""
    is_root = os.getuid() == 0
    if executor == "root" and not is_root:
        pytest.skip("only root can be an executor that is root")
    with tempfile.TemporaryDirectory(dir=below) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "secret").write_text("of the host")
        interpreter = Path(sys.executable)
        if is_root:
            interpreter = Path(shutil.which("python3", path="/usr/bin:/usr/local/bin") or "")
            assert _can_reach(interpreter), "the tests need a Python that all users can reach"
        user = PoolUsers(*POOL, folder_for_locks(folder)).claim() if executor == "root" else None
        try:
            uid = 0 if executor == "root" else ORDINARY if is_root else os.getuid()
            yield Site(folder, interpreter, user, uid)
        finally:
            if user is not None:
                user.release()


def _can_reach(interpreter: Path) -> bool:
    user = (f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups", "--")
    command = ["setpriv", *user, str(interpreter), "-I", "-S", str(RUNNER / "canary.py")]
    return b"IndexError" in subprocess.run(command, capture_output=True).stderr
