"""What an executor needs to build and install environments, wired."""

from pathlib import Path

from pumphouse.executor.archives import Archives
from pumphouse.executor.building import Builder
from pumphouse.executor.docker.images import Images
from pumphouse.executor.environments import Environments
from pumphouse.executor.installing import Installer
from pumphouse.executor.pythons import Pythons
from pumphouse.executor.repositories import Repositories
from pumphouse.executor.settings import Settings
from pumphouse.executor.tool import Tool
from pumphouse.executor.work import Variables
from pumphouse.executor.workshop import Workshop
from pumphouse.executor.workspace import Workspace
from pumphouse.storage import Bucket


class Workbench:
    """builder: makes what pipelines ask for. installer: has it here when executions need it.

    pythons: the versions of Python that this host has.
    """

    def __init__(
        self,
        settings: Settings,
        work_dir: Path,
        bucket: Bucket,
        archives: Archives,
        workspace: Workspace,
        variables: Variables,
        workshop: Workshop,
        *,
        images: Images | None = None,
    ) -> None:
        """images: None where no container engine is. Raises OSError."""
        environments = Environments(
            work_dir / "environments", workspace, settings.kept_environments
        )
        tool = Tool(work_dir / "uv-cache", workshop)
        self.pythons = Pythons(tool)
        self.installer = Installer(
            *(bucket, archives, workspace, environments, self.pythons, tool, variables.current),
            timeout_s=settings.build_timeout_s,
        )
        repositories = Repositories(workspace, work_dir / "known_hosts", variables.open)
        self.builder = Builder(
            *(bucket, archives, workspace, repositories, self.installer, self.pythons, tool),
            variables.current,
            images,
        )
