"""One container, from its making to its removal."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aiodocker.stream import Stream

from pumphouse.executor.docker.arguments import pack_sources
from pumphouse.executor.docker.endings import State
from pumphouse.executor.docker.engine import Engine, EngineRefused, translated
from pumphouse.executor.logs import Lines, LineSplitter

log = logging.getLogger(__name__)

_LAST_LINES_S = 5.0
_STREAMS = {1: "stdout", 2: "stderr"}


class Container:
    """Raises EngineRefused and Unavailable, as the engine does. name: chosen before it is made."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = name
        self._docker = engine.docker
        self._container = engine.docker.containers.container(name)

    async def make(self, config: Mapping[str, Any], sources: Mapping[str, Path]) -> None:
        """Have it, not yet running, with copies of files at paths in it."""
        with translated():
            await self._docker.containers.create(config, name=self.name)
        if not sources:
            return
        with tempfile.TemporaryFile() as packed:
            await asyncio.to_thread(pack_sources, sources, packed)
            with translated():
                await self._container.put_archive("/", packed)

    @asynccontextmanager
    async def writing_to(self, lines: Lines) -> AsyncIterator[None]:
        """Take what it writes, from before its start on; all of it when it ends in here."""
        stream = self._container.attach(stdout=True, stderr=True)
        with translated():
            await stream.__aenter__()
        reading = asyncio.create_task(_read(stream, lines))
        try:
            yield
            await asyncio.wait([reading], timeout=_LAST_LINES_S)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await stream.close()

    async def start(self) -> None:
        with translated():
            await self._container.start()

    async def end(self) -> State:
        """Wait for it."""
        with translated():
            await self._container.wait()
            state = (await self._container.show())["State"]
        return State(int(state["ExitCode"]), bool(state.get("OOMKilled")))

    async def remove(self) -> None:
        """End it, if need be, and have it gone; what the engine refuses is told to the log."""
        try:
            with translated():
                await self._container.delete(force=True, v=True)
        except EngineRefused as error:
            if error.status != 404:
                log.warning("The container %s could not be removed: %s", self.name, error)


async def _read(stream: Stream, lines: Lines) -> None:
    splitters = {
        number: LineSplitter(partial(lines.add, name)) for number, name in _STREAMS.items()
    }
    try:
        while (message := await stream.read_out()) is not None:
            if (splitter := splitters.get(message.stream)) is not None:
                splitter.feed(message.data)
    finally:
        for splitter in splitters.values():
            splitter.flush()
