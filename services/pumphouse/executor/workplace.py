"""A sandbox that has been given code: its folder, its files, its first frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from pumphouse.contracts.catalog import Code
from pumphouse.executor.archives import Archives
from pumphouse.executor.faults import PlatformFault, SandboxLost
from pumphouse.executor.frames import Job, Start
from pumphouse.executor.logs import Lines
from pumphouse.executor.record import Record
from pumphouse.executor.sandbox import Backend, Sandbox
from pumphouse.executor.work import start_in
from pumphouse.executor.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Workplace:
    """One sandbox at work in one folder."""

    sandbox: Sandbox
    folder: Path


class Workplaces:
    """Makes and clears away workplaces, whatever the backend is."""

    def __init__(self, backend: Backend, archives: Archives, workspace: Workspace) -> None:
        self._backend = backend
        self._archives = archives
        self._workspace = workspace

    async def make(
        self,
        purpose: str,
        code: Code,
        variables: Mapping[str, str],
        *,
        job: Job | None = None,
        record: Record | None = None,
        log: Lines | None = None,
        is_parallel: bool = False,
    ) -> Workplace:
        """Copy the code and hand it to a blank sandbox, with its one job or for jobs to come.

        log: where lines go without a record. is_parallel: the jobs to come are side by side.

        Raises PlatformFault, and Unavailable when the code or its environment cannot be fetched
        now.
        """
        folder = self._workspace.new(purpose)
        try:
            await self._archives.copy(code.archive, folder / "code")
            _make_home(folder)
            start = replace(start_in(folder, code, variables), job=job, is_parallel=is_parallel)
            return Workplace(await self._started(code, start, record, log), folder)
        except BaseException:
            self._workspace.discard(folder)
            raise

    async def _started(
        self, code: Code, start: Start, record: Record | None, log: Lines | None
    ) -> Sandbox:
        for _ in range(2):
            sandbox = await self._backend.sandbox(code)
            if record is not None:
                record.begin()
                log = record.log
            sandbox.write_to(log)
            try:
                await sandbox.send(replace(start, mark=sandbox.mark))
            except SandboxLost:
                await sandbox.finish(0)
            except BaseException:
                sandbox.kill()
                raise
            else:
                return sandbox
        raise PlatformFault("Two processes in a row were gone before they had any work.")

    async def clear(self, place: Workplace, patience_s: float) -> int:
        """End the process, at once or by itself within `patience_s`; its exit status."""
        try:
            return await place.sandbox.finish(patience_s)
        finally:
            self._workspace.discard(place.folder)


def _make_home(folder: Path) -> None:
    try:
        (folder / "home").mkdir()
    except OSError as error:
        raise PlatformFault(f"The folder of a run cannot be made: {error}") from error
