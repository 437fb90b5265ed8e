"""Zygotes with what stands around each of them."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import psutil

from pumphouse.errors import NotSupported
from pumphouse.executor.cgroups import Cgroups, NoCgroups, find_parents
from pumphouse.executor.enclosure import Enclosure
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.isolation import Isolation, Level
from pumphouse.executor.overseer import overseeing
from pumphouse.executor.pool_users import PoolUser, PoolUsers, folder_for_locks
from pumphouse.executor.probing import find_isolation
from pumphouse.executor.settings import Settings
from pumphouse.executor.walls import Limits
from pumphouse.executor.workspace import Workspace
from pumphouse.executor.zygote import Zygote
from pumphouse.mapping import bytes_of

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_enclosures(
    settings: Settings, work_dir: Path, workspace: Workspace, interpreter: Path
) -> AsyncIterator["Enclosures"]:
    """The best that this host can do, found by trying it with an interpreter.

    Raises NotSupported when that is less than what is required, and Invalid for settings that
    cannot be.
    """
    limits = limits_of(settings)
    users = users_of(settings, work_dir)
    isolation = await find_isolation(
        *(interpreter, workspace, users, limits, settings.readable_paths),
        best=Level(settings.isolation),
    )
    check_level(isolation, settings.require_isolation)
    with control_groups() as cgroups:
        async with overseeing() as overseer:
            enclosures = Enclosures(
                *(isolation, users if isolation.has_user else None, workspace, limits),
                make=partial(
                    Enclosure,
                    readable_paths=settings.readable_paths,
                    shared_paths=settings.shared_paths,
                    cgroups=cgroups,
                    overseer=overseer,
                ),
            )
            try:
                yield enclosures
            finally:
                await enclosures.close()


@contextmanager
def control_groups() -> Iterator[Cgroups | None]:
    """Those of this executor while the context is open; None where it may have none."""
    try:
        parents = find_parents(is_root=os.geteuid() == 0)
        groups = Cgroups(parents)
    except NoCgroups as error:
        log.warning("memory is not limited by control groups: %s", error)
        yield None
        return
    try:
        yield groups
    finally:
        groups.close()


def users_of(settings: Settings, work_dir: Path) -> PoolUsers | None:
    """The users of the pool, which only root can run code as."""
    if os.geteuid() != 0 or settings.isolation <= Level.PLAIN:
        return None
    folder = folder_for_locks(work_dir)
    return PoolUsers(settings.first_pool_user, settings.pool_users, folder)


def limits_of(settings: Settings) -> Limits:
    """Of an execution whose deployment says nothing. Raises Invalid."""
    memory = settings.execution_memory
    total = psutil.virtual_memory().total
    return Limits(
        memory_bytes=total // 5 * 4 if memory is None else bytes_of(memory),
        processes=settings.execution_processes,
        open_files=settings.execution_open_files,
        file_bytes=bytes_of(settings.execution_disk),
    )


def check_level(isolation: Isolation, required: int) -> None:
    """Raises NotSupported that says what is missing."""
    if isolation.level < required:
        raise NotSupported(
            f"PUMPHOUSE_REQUIRE_ISOLATION is {required}, and this host can do {isolation.level}:"
            f" {'; '.join(isolation.missing)}."
        )
    if isolation.missing:
        log.warning(
            "user code is isolated at level %d of %d: %s",
            *(isolation.level, Level.WALLED, "; ".join(isolation.missing)),
        )


class Enclosures:
    """Makes zygotes, and clears away after them.

    users: of the pool, where the isolation has such.
    """

    def __init__(
        self,
        isolation: Isolation,
        users: PoolUsers | None,
        workspace: Workspace,
        limits: Limits,
        make: Callable[..., Enclosure] = Enclosure,
    ) -> None:
        self.isolation = isolation
        self._users = users
        self._workspace = workspace
        self.limits = limits
        self._make = make
        self._clearing: set[asyncio.Task[None]] = set()

    def start(self, interpreter: Path) -> Zygote:
        """A zygote in an interpreter. Raises PlatformFault."""
        user = None if self._users is None else self._users.claim()
        folder = self._workspace.new("zygote")
        try:
            enclosure = self._make(self.isolation, interpreter, folder, self.limits, user=user)
            zygote = Zygote(enclosure, interpreter)
        except PlatformFault:
            self._clear_later(folder, user)
            raise
        except OSError as error:
            self._clear_later(folder, user)
            raise PlatformFault(f"No zygote could be started: {error}") from error
        zygote.ended.add_done_callback(lambda _: self._clear_later(folder, user))
        return zygote

    async def close(self) -> None:
        """Return when all is cleared away."""
        await asyncio.gather(*self._clearing)

    def _clear_later(self, folder: Path, user: PoolUser | None) -> None:
        task = asyncio.create_task(self._clear(folder, user))
        self._clearing.add(task)
        task.add_done_callback(self._clearing.discard)

    async def _clear(self, folder: Path, user: PoolUser | None) -> None:
        if user is not None:
            await asyncio.to_thread(user.release)
        self._workspace.discard(folder)
