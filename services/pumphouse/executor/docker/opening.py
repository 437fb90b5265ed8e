"""The parts of this folder, wired; or what stands in for them where there is no engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pumphouse.executor.archives import Archives
from pumphouse.executor.conductor import Place
from pumphouse.executor.docker.containers import Containers
from pumphouse.executor.docker.engine import open_engine
from pumphouse.executor.docker.images import Images
from pumphouse.executor.docker.leftovers import HOME_LABEL, OWNER_LABEL, home_of, sweep
from pumphouse.executor.docker.limits import Limits
from pumphouse.executor.endings import Ending
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.record import Record
from pumphouse.executor.settings import Settings
from pumphouse.executor.work import Work
from pumphouse.executor.workspace import Workspace


@dataclass(frozen=True)
class Docker:
    """images: None without an engine."""

    images: Images | None
    containers: Place


class NoContainers:
    """A place where no container can run."""

    async def run(self, work: Work, record: Record) -> Ending:
        raise PlatformFault("This executor has no container engine: set PUMPHOUSE_DOCKER_URL.")


@asynccontextmanager
async def open_docker(
    settings: Settings, work_dir: Path, workspace: Workspace, archives: Archives, limits: Limits
) -> AsyncIterator[Docker]:
    """The engine need not answer yet; what executors that are gone have left is swept if it does.

    Raises Invalid for an address that cannot be one.
    """
    if settings.docker_url is None:
        yield Docker(None, NoContainers())
        return
    home = await asyncio.to_thread(home_of, work_dir)
    async with open_engine(settings.docker_url) as engine:
        await sweep(engine, home, workspace.owners())
        images = Images(engine, archives, workspace, build_timeout_s=settings.build_timeout_s)
        containers = Containers(
            *(engine, images),
            limits=limits,
            network=settings.docker_network,
            labels={HOME_LABEL: home, OWNER_LABEL: workspace.owner},
        )
        try:
            yield Docker(images, containers)
        finally:
            await containers.close()
