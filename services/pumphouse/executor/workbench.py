"""What an executor needs to build and install environments, wired."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pumphouse.executor.archives import Archives
from pumphouse.executor.building import Builder
from pumphouse.executor.environments import Environments
from pumphouse.executor.installing import Installer
from pumphouse.executor.pythons import Pythons
from pumphouse.executor.settings import Settings
from pumphouse.executor.tool import Tool
from pumphouse.executor.workspace import Workspace
from pumphouse.storage import Bucket


class Workbench:
    """builder: makes what pipelines ask for. installer: has it here when executions need it."""

    def __init__(
        self,
        settings: Settings,
        work_dir: Path,
        bucket: Bucket,
        archives: Archives,
        workspace: Workspace,
        variables: Callable[[], Mapping[str, str]],
    ) -> None:
        environments = Environments(
            work_dir / "environments", workspace, settings.kept_environments
        )
        tool = Tool(work_dir / "uv-cache")
        pythons = Pythons(tool)
        self.installer = Installer(
            *(bucket, archives, workspace, environments, pythons, tool, variables),
            timeout_s=settings.build_timeout_s,
        )
        self.builder = Builder(
            bucket, archives, workspace, self.installer, pythons, tool, variables
        )
