"""A sandbox that has been given code: its folder, its files, its first frame."""

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from pumphouse.contracts.catalog import Code
from pumphouse.executor.archives import Archives
from pumphouse.executor.faults import PlatformFault, SandboxLost
from pumphouse.executor.frames import Job, Start
from pumphouse.executor.logs import Lines
from pumphouse.executor.record import Record
from pumphouse.executor.sandbox import CODE, Backend, Exit, Sandbox, Wish
from pumphouse.executor.work import Work


@dataclass(frozen=True, slots=True)
class Workplace:
    """One sandbox with code in its folder."""

    sandbox: Sandbox

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """What user code finds in its environment; variables: those of the installation."""
        return {**self.sandbox.variables, **variables}

    async def brought(self, work: Work) -> tuple[Job, Path | None]:
        """The job with its input files in the sandbox, and the folder that they are in, if any.

        Raises PlatformFault.
        """
        if not work.files:
            return work.job, None
        inbox = self.sandbox.folder / f"inputs-{secrets.token_hex(8)}"
        try:
            paths = await asyncio.to_thread(_linked, work.files, inbox)
            await asyncio.to_thread(self.sandbox.own, inbox)
        except OSError as error:
            raise PlatformFault(f"Input files cannot be handed over: {error}") from error
        files = {name: {"path": str(path)} for name, path in paths.items()}
        return replace(work.job, inputs={**work.job.inputs, **files}), inbox

    async def clear(self, patience_s: float) -> Exit:
        """End the process, at once or by itself within `patience_s`; how it ended."""
        return await self.sandbox.finish(patience_s)


class Workplaces:
    """Makes workplaces, whatever the backend is."""

    def __init__(self, backend: Backend, archives: Archives) -> None:
        self._backend = backend
        self._archives = archives

    async def for_once(self, work: Work, record: Record) -> Workplace:
        """A place that does this work and ends.

        Raises PlatformFault, and Unavailable when the code or its environment cannot be fetched
        now.
        """

        async def start(place: Workplace) -> Start:
            job, _ = await place.brought(work)
            record.begin()
            place.sandbox.write_to(record.log)
            return replace(
                start_of(work.code, place, work.variables), job=job, reports_imports=True
            )

        return await self._make(Wish(work.code, memory_bytes=work.memory_bytes), start)

    async def for_long(
        self, wish: Wish, variables: Mapping[str, str], log: Lines, *, is_parallel: bool
    ) -> Workplace:
        """A place for jobs to come, one by one or side by side. Raises as `for_once`."""

        async def start(place: Workplace) -> Start:
            place.sandbox.write_to(log)
            return replace(start_of(wish.code, place, variables), is_parallel=is_parallel)

        return await self._make(wish, start)

    async def _make(
        self, wish: Wish, start: Callable[[Workplace], Coroutine[Any, Any, Start]]
    ) -> Workplace:
        code = await self._archives.extracted(wish.code.archive)
        for _ in range(2):
            place = Workplace(await self._backend.sandbox(wish))
            try:
                await place.sandbox.furnish(code)
                message = await start(place)
                await place.sandbox.ready()
                data_bytes = place.sandbox.limit(wish.memory_bytes)
                whole = replace(message, mark=place.sandbox.mark, data_bytes=data_bytes)
                await place.sandbox.send(whole)
            except SandboxLost:
                await place.clear(0)
            except BaseException:
                await place.clear(0)
                raise
            else:
                return place
        raise PlatformFault("Two processes in a row were gone before they had any work.")


def start_of(code: Code, place: Workplace, variables: Mapping[str, str]) -> Start:
    """What a process is told of code that is in its place."""
    return Start(
        folder=str(place.sandbox.folder / CODE),
        file=code.function_path,
        function=code.function_name,
        environment=place.environment(variables),
    )


def _linked(files: Mapping[str, Path], inbox: Path) -> dict[str, Path]:
    """The files under the same names, each in a folder of its own; they can be linked again."""
    linked = {}
    for position, (name, path) in enumerate(files.items()):
        target = inbox / str(position) / path.name
        target.parent.mkdir(parents=True)
        os.link(path, target)
        linked[name] = target
    return linked
