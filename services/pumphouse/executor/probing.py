"""Finds out at start what separates executions on this host, by trying it with a canary."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pumphouse.executor.enclosure import RUNNER, Enclosure
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.isolation import Facts, Isolation, Level, Trial, isolation_of
from pumphouse.executor.pool_users import PoolUser, PoolUsers
from pumphouse.executor.walls import Limits
from pumphouse.executor.workspace import Workspace

_CANARY = RUNNER / "canary.py"
_PATIENCE_S = 20.0


async def find_isolation(
    interpreter: Path,
    workspace: Workspace,
    users: PoolUsers | None,
    limits: Limits,
    readable_paths: Sequence[Path] = (),
    best: Level = Level.WALLED,
) -> Isolation:
    """The best for code in such an interpreter. users: only of an executor that is root.

    best: no better level is tried.
    """
    if best is Level.PLAIN:
        return Isolation(level=Level.PLAIN, missing=["walls: they are switched off"])
    if not sys.platform.startswith("linux"):
        return Isolation(level=Level.PLAIN, missing=["walls: they need Linux"])
    from pumphouse.executor.runner import landlock

    version = landlock.abi()
    is_scoped = version >= landlock.SCOPING_ABI
    trying = _Trying(interpreter, workspace, limits, readable_paths, is_scoped)
    is_root = os.geteuid() == 0
    problem = ""
    user: PoolUser | None = None
    if is_root:
        try:
            user = await asyncio.to_thread(_claimed, users)
        except PlatformFault as fault:
            problem = fault.details
    try:
        if best is Level.WALLED:
            view = await trying.at(Level.WALLED, user)
        else:
            view = Trial(problem="it is switched off")
        bars = await trying.at(Level.BARRED, user)
    finally:
        if user is not None:
            await asyncio.to_thread(user.release)
    facts = Facts(is_root=is_root, users=problem, landlock=version, view=view, bars=bars)
    return isolation_of(facts, landlock.SCOPING_ABI)


@dataclass(frozen=True)
class _Trying:
    interpreter: Path
    workspace: Workspace
    limits: Limits
    readable_paths: Sequence[Path]
    is_scoped: bool

    async def at(self, level: Level, user: PoolUser | None) -> Trial:
        isolation = Isolation(
            level=level,
            has_view=level is Level.WALLED,
            has_user=user is not None,
            has_folders=True,
            is_scoped=self.is_scoped,
        )
        with self.workspace.folder("canary") as folder:
            try:
                enclosure = Enclosure(
                    isolation,
                    self.interpreter,
                    folder,
                    self.limits,
                    user=user,
                    readable_paths=self.readable_paths,
                )
                return await self._fly(enclosure)
            except OSError as error:
                return Trial(problem=str(error))

    async def _fly(self, enclosure: Enclosure) -> Trial:
        walls = msgspec.json.encode(enclosure.plot("own").walls).decode()
        theirs, lifeline = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *enclosure.command(theirs, []),
                *(self.interpreter, "-I", "-B", _CANARY, walls),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=[theirs],
                env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                said, complaint = await process.communicate()
        except TimeoutError:
            return Trial(problem=f"nothing came back within {_PATIENCE_S:g} s")
        finally:
            os.close(lifeline)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        try:
            return Trial(walls=msgspec.json.decode(said, type=dict[str, str]))
        except msgspec.DecodeError:
            words = complaint.decode(errors="replace").strip().splitlines()
            return Trial(problem=words[-1] if words else f"it ended with {process.returncode}")


def _claimed(users: PoolUsers | None) -> PoolUser:
    """Raises PlatformFault."""
    if users is None:
        raise PlatformFault("there are no users for it")
    return users.claim()
