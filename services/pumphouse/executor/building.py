"""One build: from what a pipeline asks for to its code, and an environment installed here."""

import hashlib
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pumphouse.contracts.catalog import Environment, Pipeline
from pumphouse.executor.archives import Archives
from pumphouse.executor.docker.images import Images
from pumphouse.executor.faults import BuildFailed, PlatformFault
from pumphouse.executor.installing import Installer
from pumphouse.executor.languages import language_of
from pumphouse.executor.locking import Lock, Sources, lock_of
from pumphouse.executor.logs import Log
from pumphouse.executor.pythons import OWN, Pythons, is_blank
from pumphouse.executor.repositories import Repositories
from pumphouse.executor.requirements import requirements_in
from pumphouse.executor.system_packages import remarks_on
from pumphouse.executor.tool import Account, Tool
from pumphouse.executor.workspace import Workspace
from pumphouse.storage import Bucket, put_value
from pumphouse.storage.keys import commit_archive_key, lock_key


@dataclass(frozen=True)
class Built:
    """archive: key of the code, which commit_id is of when it is from a repository.

    One of the rest: the environment of its function, or the tag of its image.
    """

    archive: str
    commit_id: str | None = None
    environment: Environment | None = None
    image: str | None = None


class Builder:
    """Raises BuildFailed, PlatformFault, and Unavailable when the store does not answer."""

    def __init__(
        self,
        bucket: Bucket,
        archives: Archives,
        workspace: Workspace,
        repositories: Repositories,
        installer: Installer,
        pythons: Pythons,
        tool: Tool,
        variables: Callable[[], Mapping[str, str]],
        images: Images | None = None,
    ) -> None:
        """images: None where no container engine is."""
        self._bucket = bucket
        self._archives = archives
        self._workspace = workspace
        self._repositories = repositories
        self._installer = installer
        self._pythons = pythons
        self._tool = tool
        self._variables = variables
        self._images = images

    async def build(self, pipeline: Pipeline, log: Log) -> Built:
        """Fetch code that is not here; build its image, or resolve, keep the lock, and install."""
        archive, commit_id = await self._code(pipeline, log)
        if pipeline.code.dockerfile is not None:
            image = await self._image(archive, pipeline.code.dockerfile, log)
            return Built(archive, commit_id, image=image)
        environment = await self._environment(archive, pipeline.container, log)
        return Built(archive, commit_id, environment)

    async def _image(self, archive: str, dockerfile: str, log: Log) -> str:
        if self._images is None:
            raise BuildFailed(
                "No container engine is set where this pipeline was to be built. Its operator sets"
                " PUMPHOUSE_DOCKER_URL for all executors."
            )
        return await self._images.build(archive, dockerfile, log)

    async def _environment(self, archive: str, wish: Mapping[str, Any], log: Log) -> Environment:
        language = language_of(wish.get("language"))
        version = language.python or OWN
        if language.wants_cuda:
            log.note(f"there is no GPU here: Python {version} is used, without CUDA")
        for remark in await remarks_on(wish.get("system_dependencies") or ()):
            log.note(remark)
        python = await self._pythons.find(version)
        log.note(f"Python {version}")
        lock = await self._lock(archive, wish, python, log)
        environment = await self._kept(version, lock, archive)
        if not is_blank(environment):
            (await self._installer.install(environment, archive, log)).release()
        log.note("the environment is ready")
        return environment

    async def _code(self, pipeline: Pipeline, log: Log) -> tuple[str, str | None]:
        """The key of its archive, and the commit that it is from."""
        if not pipeline.container.get("repository_url"):
            return pipeline.code.archive, None
        fetched = await self._repositories.fetch(pipeline, log)
        key = commit_archive_key(pipeline.id, fetched.commit_id)
        await self._bucket.put(key, fetched.archive)
        return key, fetched.commit_id

    async def _lock(
        self, archive: str, wish: Mapping[str, Any], python: Path, log: Log
    ) -> Lock | None:
        if not (path := (wish.get("requirements_path") or "").removeprefix("/")):
            return None
        with self._workspace.folder("build") as place:
            await self._archives.copy(archive, place / "code")
            sources = Sources(place / "code", self._variables())
            try:
                sources.fill_in(path)
                account = Account(log, sources.used)
                lock = await lock_of(sources, path, python, self._tool, account)
            except OSError as error:
                raise PlatformFault(f"The requirements cannot be locked: {error}") from error
        for requirement in lock.unhashed:
            log.note(f"nothing can be checked of {account.hide(requirement)}: it has no hash")
        return lock if requirements_in(lock.text) else None

    async def _kept(self, version: str, lock: Lock | None, archive: str) -> Environment:
        """The environment that a lock describes, with the lock in the store."""
        if lock is None:
            return Environment(id=_identifier(version, ""), python=version)
        identifier = _identifier(version, lock.text, *[archive] * lock.depends_on_code)
        reference = await put_value(self._bucket, lock_key(identifier), lock.text.encode())
        return Environment(id=identifier, python=version, lock=reference)


def _identifier(*parts: str) -> str:
    whole = "\0".join((sysconfig.get_platform(), *parts))
    return hashlib.sha256(whole.encode()).hexdigest()
