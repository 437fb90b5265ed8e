"""Executions of pipelines with a Dockerfile: each in a container of its own, which is removed."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pumphouse.errors import Unavailable
from pumphouse.executor.docker.arguments import Arguments, arguments_of
from pumphouse.executor.docker.container import Container
from pumphouse.executor.docker.endings import ended, not_started
from pumphouse.executor.docker.engine import Engine, EngineRefused
from pumphouse.executor.docker.images import Images, ReadyImage
from pumphouse.executor.docker.limits import Limits
from pumphouse.executor.docker.outputs import LeftOutputs
from pumphouse.executor.endings import Ending, timed_out
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.record import Record
from pumphouse.executor.work import Work

log = logging.getLogger(__name__)

_REMOVAL_S = 10.0
_REST_S = 1.0
_LONGEST_REST_S = 30.0


class Containers:
    """A place for work whose code has an image. labels: what its containers are found by."""

    def __init__(
        self,
        engine: Engine,
        images: Images,
        *,
        limits: Limits,
        network: str,
        labels: Mapping[str, str],
    ) -> None:
        self._engine = engine
        self._images = images
        self._limits = limits
        self._network = network
        self._labels = labels
        self._removals: set[asyncio.Task[None]] = set()

    async def run(self, work: Work, record: Record) -> Ending:
        """Do the work.

        Raises UnusableInput, UnusableOutput, PlatformFault; Unavailable while nothing has run.
        """
        arguments = arguments_of(work)
        image = await self._images.ready(work.code)
        name = f"pumphouse-{work.job.execution_id}-{secrets.token_hex(4)}"
        container = Container(self._engine, name)
        try:
            await self._make(container, image, arguments, work)
            try:
                return await self._conduct(container, work, record)
            except (EngineRefused, Unavailable) as error:
                raise PlatformFault(f"The container {name} was lost: {error.message}") from error
        finally:
            await self._remove(container)

    async def close(self) -> None:
        """Return when all containers that were begun are gone, unless the engine is gone too."""
        if self._removals:
            _, waiting = await asyncio.wait(self._removals, timeout=_REMOVAL_S)
            for removal in waiting:
                removal.cancel()

    async def _make(
        self, container: Container, image: ReadyImage, arguments: Arguments, work: Work
    ) -> None:
        config = {
            "Image": image.tag,
            "Cmd": [*image.image.command, arguments.values, arguments.files],
            "Env": [f"{name}={text}" for name, text in _environment(work).items()],
            "Labels": dict(self._labels),
            "HostConfig": host_config(self._limits_of(work), self._network),
        }
        try:
            await container.make(config, arguments.sources)
        except (EngineRefused, OSError) as error:
            raise PlatformFault(
                f"The container {container.name} cannot be made: {error}"
            ) from error

    async def _conduct(self, container: Container, work: Work, record: Record) -> Ending:
        try:
            async with container.writing_to(record.log):
                record.begin()
                try:
                    await container.start()
                except EngineRefused as error:
                    if error.is_for_author:
                        return not_started(error.message)
                    raise
                async with asyncio.timeout(work.timeout_s):
                    state = await container.end()
        except TimeoutError:
            assert work.timeout_s is not None
            return timed_out(work.timeout_s)
        if state.exit_code != 0:
            return ended(state, self._limits_of(work))
        return await LeftOutputs(self._engine, container.name).take(work)

    def _limits_of(self, work: Work) -> Limits:
        return replace(self._limits, memory=work.memory_bytes or self._limits.memory)

    async def _remove(self, container: Container) -> None:
        """Wait for it, but for an engine that is gone; it goes on also when this is cancelled."""
        removal = asyncio.create_task(_removed(container))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)
        await asyncio.wait([removal], timeout=_REMOVAL_S)


async def _removed(container: Container) -> None:
    rest_s = _REST_S
    while True:
        try:
            await container.remove()
        except Unavailable as error:
            if rest_s == _REST_S:
                log.warning("The container %s is removed later: %s", container.name, error)
        else:
            return
        await asyncio.sleep(rest_s)
        rest_s = min(2 * rest_s, _LONGEST_REST_S)


def host_config(limits: Limits, network: str) -> dict[str, Any]:
    """How the engine confines a container."""
    config: dict[str, Any] = {
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        # Else the program is the first process there, which signals of its own cannot end.
        "Init": True,
        "NetworkMode": network,
        # What it writes is read as it comes: the engine would keep all of it on its disk.
        "LogConfig": {"Type": "none"},
    }
    if limits.memory is not None:
        config |= {"Memory": limits.memory, "MemorySwap": limits.memory}
    if limits.processes is not None:
        config["PidsLimit"] = limits.processes
    if limits.processors is not None:
        config["NanoCpus"] = int(limits.processors * 1e9)
    return config


def _environment(work: Work) -> dict[str, str]:
    return {**work.variables, "CRAFT_AI_EXECUTION_ID": work.job.execution_id}
