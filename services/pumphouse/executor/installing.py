"""Environments as plans and builds need them: here already, or installed from their lock."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pumphouse.contracts.catalog import Code, Environment
from pumphouse.errors import NotFound, PumphouseError, Unavailable
from pumphouse.executor import uv
from pumphouse.executor.archives import Archives
from pumphouse.executor.environments import Environments, Held
from pumphouse.executor.faults import BuildFailed, PlatformFault
from pumphouse.executor.logs import Log
from pumphouse.executor.pythons import Pythons
from pumphouse.executor.requirements import filled_in, requirements_in, variables_in, without_hash
from pumphouse.executor.tool import Account, Tool
from pumphouse.executor.workspace import Workspace
from pumphouse.storage import Bucket, get_value


class Installer:
    """Installs each environment once on this host, whoever asks for it."""

    def __init__(
        self,
        bucket: Bucket,
        archives: Archives,
        workspace: Workspace,
        environments: Environments,
        pythons: Pythons,
        tool: Tool,
        variables: Callable[[], Mapping[str, str]],
        *,
        timeout_s: float,
    ) -> None:
        self._bucket = bucket
        self._archives = archives
        self._workspace = workspace
        self._environments = environments
        self._pythons = pythons
        self._tool = tool
        self._variables = variables
        self._timeout_s = timeout_s

    async def ready(self, code: Code) -> Held:
        """The environment of a plan's code.

        Raises PlatformFault, and Unavailable when its lock cannot be fetched now.
        """
        assert code.environment is not None
        log = Log()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self.install(code.environment, code.archive, log)
        except (BuildFailed, TimeoutError) as error:
            said = "\n".join(line.text for line in log.lines[-30:])
            raise PlatformFault(
                f"The environment {code.environment.id} cannot be installed: {error}\n{said}"
            ) from error

    async def install(self, environment: Environment, archive: str, log: Log) -> Held:
        """The environment, installed first when it is not here.

        archive: code that has these requirements. Raises BuildFailed, PlatformFault, Unavailable.
        """
        make = partial(self._make, environment, archive, log)
        held = await self._environments.hold(environment.id, make)
        try:
            self._environments.collect()
        except OSError as error:
            log.note(f"environments that are no longer used could not be removed: {error}")
        return held

    async def _make(self, environment: Environment, archive: str, log: Log, folder: Path) -> None:
        python = await self._pythons.find(environment.python)
        account = Account(log, {})
        folder.mkdir()
        await self._tool.run(uv.venv_arguments(folder, python), folder, account, python=python)
        if environment.lock is None:
            return
        try:
            lock = (await get_value(self._bucket, environment.lock)).decode()
        except Unavailable:
            raise
        except (NotFound, PumphouseError, UnicodeDecodeError) as error:
            raise PlatformFault(f"The lock of {environment.id} cannot be had: {error}") from error
        variables = self._variables()
        used = {name: variables[name] for name in variables_in(lock) if name in variables}
        with self._workspace.folder("install") as place:
            await self._archives.copy(archive, place / "code")
            file = place / "code" / ".locked-requirements.txt"
            file.write_text(filled_in(lock, variables), encoding="utf-8")
            log.note(f"installing {len(requirements_in(lock))} packages")
            await self._tool.run(
                uv.sync_arguments(folder, file, requires_hashes=not without_hash(lock)),
                file.parent,
                Account(log, used),
                python=python,
                writable=[folder],
            )
