"""The `container_config` of a form, as it takes effect: its own values, else the project's."""

from dataclasses import dataclass, replace
from typing import Any

from pumphouse.archives import path_inside
from pumphouse.errors import Invalid, NotSupported
from pumphouse.gateway import container_values, repositories
from pumphouse.gateway.forms import Node, as_list, as_text
from pumphouse.gateway.pipeline_form import ContainerConfig
from pumphouse.gateway.project import ProjectDefaults

_GIT_KEYS = ("repository_url", "repository_branch", "repository_deploy_key")
_KEYS = frozenset(ContainerConfig.__struct_fields__)
_INSTALLED_KEYS = ("language", "requirements_path", "system_dependencies")


@dataclass(frozen=True)
class Container:
    """shown: what everybody may know. deploy_key: opens its repository, in clear."""

    shown: dict[str, Any]
    deploy_key: str | None = None


def read_container(
    given: dict[str, Node],
    project: ProjectDefaults,
    *,
    has_folder: bool,
    allows_dockerfiles: bool = False,
) -> Container:
    """The configuration as it takes effect; an empty text is an explicit null.

    has_folder: whether the code comes with the form, not from a repository.
    allows_dockerfiles: whether there is a container engine to build and run them.
    Raises Invalid, and NotSupported for what this installation does not have.
    """
    unknown = sorted(given.keys() - _KEYS)
    if unknown:
        raise Invalid(f"container_config has no key {unknown[0][:200]!r}.")
    if given.get("dockerfile_path"):
        _check_dockerfile(given, allowed=allows_dockerfiles)
        # What the project has installed for functions is the Dockerfile's matter here.
        project = replace(project, **dict.fromkeys(_INSTALLED_KEYS))
    wish = _Wish(given, project)
    if not has_folder:
        return _of_repository(wish)
    for key in _GIT_KEYS:
        if given.get(key):
            raise Invalid(
                f"{_named(key)} and a folder of code exclude each other: leave {key} out, or"
                " local_folder."
            )
    return Container(_of_any(wish))


@dataclass(frozen=True)
class _Wish:
    given: dict[str, Node]
    project: ProjectDefaults

    def text(self, key: str) -> str | None:
        node = self.given.get(key)
        return getattr(self.project, key) if node is None else as_text(node, _named(key)) or None

    def texts(self, key: str) -> list[str] | None:
        node = self.given.get(key)
        if node is None:
            return list(getattr(self.project, key) or ()) or None
        items = as_list(node, _named(key))
        return [as_text(item, f"{_named(key)}[…]") or "" for item in items] or None


def _check_dockerfile(given: dict[str, Node], *, allowed: bool) -> None:
    if not allowed:
        raise NotSupported(
            "container_config[dockerfile_path] is not available in this installation, which has no"
            " container engine: leave it out and set function_path and function_name."
        )
    for key in _INSTALLED_KEYS:
        if given.get(key):
            raise Invalid(
                f"{_named(key)} and {_named('dockerfile_path')} exclude each other: the Dockerfile"
                f" installs what is needed. Leave {key} out."
            )


def _of_any(wish: _Wish) -> dict[str, Any]:
    language = wish.text("language")
    dockerfile = as_text(wish.given.get("dockerfile_path"), _named("dockerfile_path"))
    requirements = wish.text("requirements_path")
    packages = wish.texts("system_dependencies")
    return {
        "language": language and container_values.language(language, _named("language")),
        "included_folders": wish.texts("included_folders"),
        "requirements_path": requirements
        and path_inside(requirements, _named("requirements_path")),
        "system_dependencies": packages
        and container_values.system_dependencies(packages, _named("system_dependencies")),
        "dockerfile_path": path_inside(dockerfile, _named("dockerfile_path"))
        if dockerfile
        else None,
    }


def _of_repository(wish: _Wish) -> Container:
    if (url := wish.text("repository_url")) is None:
        raise Invalid(
            "There is no code: set local_folder, which sends the folder as the file 'step_file', or"
            f" {_named('repository_url')}."
        )
    repositories.repository_url(url, _named("repository_url"))
    if (branch := wish.text("repository_branch")) is not None:
        repositories.branch(branch, _named("repository_branch"))
    general = _of_any(wish)
    for folder in general["included_folders"] or ():
        path_inside(folder.lstrip("/"), _named("included_folders"))
    shown = {"repository_url": url, "repository_branch": branch, **general}
    return Container(shown, _deploy_key(wish, url))


def _deploy_key(wish: _Wish, url: str) -> str | None:
    what = _named("repository_deploy_key")
    if not repositories.is_ssh(url):
        if wish.given.get("repository_deploy_key"):
            raise Invalid(
                f"{what} is for ssh: set the ssh address of the repository, git@host:path."
            )
        return None
    if (key := wish.text("repository_deploy_key")) is None:
        raise Invalid(
            f"{what} is missing: nobody is let in by ssh without a key. A public repository can be"
            " fetched by its https:// address."
        )
    return repositories.deploy_key(key, what)


def _named(key: str) -> str:
    return f"container_config[{key}]"
