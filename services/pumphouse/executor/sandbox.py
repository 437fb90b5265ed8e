"""The seam between what runs and where: how a place for user code is made is a backend's matter.

Processes are the backend of today. Zygotes, containers and pods of a cluster are others to come;
elastic executions and pods of deployments are made of this interface alone.
"""

import asyncio
from typing import Protocol

from pumphouse.contracts.catalog import Code
from pumphouse.executor.frames import Answer, Cancel, Job, Start
from pumphouse.executor.logs import Lines


class Sandbox(Protocol):
    """A place that nobody has used, ready to be given one user's code."""

    mark: str
    """What Start.mark must be for `caught_up` to work."""

    ended: "asyncio.Future[int]"
    """Its exit status, negative for a signal, once it is gone."""

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

    async def finish(self, patience_s: float) -> int:
        """Wait for its end, kill it after `patience_s`, take its last lines; its exit status.

        Answers that were not received are dropped.
        """


class Backend(Protocol):
    async def sandbox(self, code: Code) -> Sandbox:
        """A blank sandbox in the environment of this code, which is made first when it is not here.

        Raises PlatformFault when none can be had, and Unavailable when the store is down.
        """

    async def close(self) -> None:
        """End the sandboxes that nobody has taken."""
