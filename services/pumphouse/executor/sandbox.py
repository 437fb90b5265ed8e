"""The seam between what runs and where: how a place for user code is made is a backend's matter.

Processes are one backend. Containers and pods of a cluster are others to come; elastic executions
and pods of deployments are made of this interface alone.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pumphouse.contracts.catalog import Code
from pumphouse.executor.frames import Answer, Cancel, Job, Start
from pumphouse.executor.logs import Lines

CODE = "code"
"""Name of the folder of the code, in that of a sandbox."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a sandbox ended.

    status: of its process, negative for a signal; None when it was lost with what it stood in.
    overrun: the limit that it was stopped for, as a sentence for the code's author.
    """

    status: int | None
    overrun: str | None = None


class Sandbox(Protocol):
    """A place that nobody has used, ready to be given one user's code."""

    folder: Path
    """Of this sandbox alone, for the executor to put files into; see `own`."""

    mark: str
    """What Start.mark must be for `caught_up` to work."""

    ended: "asyncio.Future[Exit]"

    @property
    def variables(self) -> Mapping[str, str]:
        """Those that tell user code its folders."""

    def limit(self, memory_bytes: int | None) -> int | None:
        """Say, before it gets any work, what it may have; None for what is usual.

        What it must be told as Start.data_bytes. Raises PlatformFault.
        """

    async def furnish(self, code: Path) -> None:
        """Have a copy of the folder of an archive as CODE. Raises PlatformFault."""

    def own(self, path: Path) -> None:
        """Give a tree that the executor has put into `folder` to user code. Blocks."""

    def remove(self, path: Path) -> None:
        """Remove a tree in `folder`, in the background."""

    async def ready(self) -> None:
        """Return when it waits for work. Raises SandboxLost when it is gone, and PlatformFault."""

    async def send(self, message: Start | Job | Cancel) -> None:
        """Hand over, once it is ready. Raises SandboxLost when it is gone: nothing has run then."""

    async def receive(self) -> Answer | None:
        """The next answer, whose files are the caller's to close; None when no more can come."""

    def write_to(self, log: Lines | None) -> None:
        """Where lines go from now on; None drops them."""

    async def caught_up(self) -> None:
        """Return when every line up to the latest mark has been taken (within a second)."""

    def kill(self) -> None:
        """End it and all that it started, at once."""

    async def finish(self, patience_s: float) -> Exit:
        """Wait for its end, kill it after `patience_s`, take its last lines.

        Answers that were not received are dropped, and the folder is removed.
        """


class Backend(Protocol):
    async def sandbox(self, wish: "Wish") -> Sandbox:
        """A blank sandbox in the environment of this code, which is made first when it is not here.

        Raises PlatformFault when none can be had, and Unavailable when the store is down.
        """

    async def close(self) -> None:
        """End the sandboxes that nobody has taken."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sandbox is for.

    is_pod: it is to live long. memory_bytes: what it may have; None for the usual.
    """

    code: Code
    is_pod: bool = False
    memory_bytes: int | None = None
