"""What pipelines of this installation fall back to where their author says nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from pumphouse.archives import path_inside
from pumphouse.gateway import container_values, repositories
from pumphouse.gateway.settings import Settings
from pumphouse.settings import variable


@dataclass(frozen=True)
class ProjectDefaults:
    """Of `container_config`, key by key; None where nothing stands in.

    repository_deploy_key is a private key: it is never shown.
    """

    language: str | None = None
    repository_url: str | None = None
    repository_branch: str | None = None
    repository_deploy_key: str | None = None
    included_folders: tuple[str, ...] | None = None
    requirements_path: str | None = None
    system_dependencies: tuple[str, ...] | None = None


def project_of(settings: Settings) -> ProjectDefaults:
    """The defaults that the settings give. Raises Invalid that names the variable at fault."""

    def checked(key: str, check: Callable[[str, str], str]) -> str | None:
        text: str | None = getattr(settings, f"project_{key}")
        return text and check(text, variable(f"project_{key}"))

    packages, folders = settings.project_system_dependencies, settings.project_included_folders
    container_values.system_dependencies(packages, variable("project_system_dependencies"))
    for folder in folders:
        path_inside(folder.lstrip("/"), variable("project_included_folders"))
    return ProjectDefaults(
        language=checked("language", container_values.language),
        repository_url=checked("repository_url", repositories.repository_url),
        repository_branch=checked("repository_branch", repositories.branch),
        repository_deploy_key=checked("repository_deploy_key", repositories.deploy_key),
        included_folders=folders or None,
        requirements_path=checked("requirements_path", path_inside),
        system_dependencies=packages or None,
    )
