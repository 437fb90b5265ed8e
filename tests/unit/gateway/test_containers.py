"""From `container_config`, and what the project has, to what takes effect."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from pumphouse.errors import Invalid
from pumphouse.gateway.containers import Container, read_container
from pumphouse.gateway.project import ProjectDefaults


def new_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def public(key: str | None) -> bytes:
    """What tells one key from another: a private one is never written twice alike."""
    assert key is not None
    loaded = load_ssh_private_key(key.encode(), None).public_key()
    return loaded.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


KEY, OTHER_KEY = new_key(), new_key()
PROJECT = ProjectDefaults(
    language="python:3.12-slim",
    repository_url="git@host:team/code.git",
    repository_branch="stable",
    repository_deploy_key=KEY,
    included_folders=("/src", "data"),
    requirements_path="requirements.txt",
    system_dependencies=("libgomp1",),
)
SHOWN = {
    "repository_url": "git@host:team/code.git",
    "repository_branch": "stable",
    "language": "python:3.12-slim",
    "included_folders": ["/src", "data"],
    "requirements_path": "requirements.txt",
    "system_dependencies": ["libgomp1"],
    "dockerfile_path": None,
}


def of_repository(given: dict[str, Any], project: ProjectDefaults = PROJECT) -> Container:
    return read_container(given, project, has_folder=False)


def test_what_is_absent_falls_back_to_the_project() -> None:
    found = of_repository({})
    assert found.shown == SHOWN
    assert public(found.deploy_key) == public(KEY)


@pytest.mark.parametrize("key", [key for key in SHOWN if key != "repository_url"])
def test_an_empty_text_is_null_whatever_the_project_says(key: str) -> None:
    assert of_repository({key: ""}).shown == {**SHOWN, key: None}


def test_a_form_has_its_own_values() -> None:
    given = {
        "repository_url": "ssh://git@other/code.git",
        "repository_branch": "main",
        "repository_deploy_key": OTHER_KEY,
        "included_folders": {"0": "lib"},
        "system_dependencies": {"0": "g++", "1": "gcc"},
    }
    found = of_repository(given)
    assert public(found.deploy_key) == public(OTHER_KEY)
    assert found.shown == SHOWN | {
        "repository_url": "ssh://git@other/code.git",
        "repository_branch": "main",
        "included_folders": ["lib"],
        "system_dependencies": ["g++", "gcc"],
    }


def test_a_folder_of_code_leaves_the_repository_of_the_project_aside() -> None:
    found = read_container({}, PROJECT, has_folder=True)
    assert found.deploy_key is None
    assert found.shown == {key: SHOWN[key] for key in SHOWN if not key.startswith("repository")}
    empty: dict[str, Any] = {"repository_url": "", "repository_deploy_key": ""}
    assert read_container(empty, PROJECT, has_folder=True) == found


@pytest.mark.parametrize("key", ["repository_url", "repository_branch", "repository_deploy_key"])
def test_a_folder_of_code_and_a_repository_exclude_each_other(key: str) -> None:
    with pytest.raises(Invalid, match=key):
        read_container({key: "https://host/x"}, PROJECT, has_folder=True)


def test_a_dockerfile_leaves_what_the_project_installs_aside() -> None:
    given: dict[str, Any] = {"dockerfile_path": "Dockerfile"}
    found = read_container(given, PROJECT, has_folder=False, allows_dockerfiles=True)
    nothing = dict.fromkeys(("language", "requirements_path", "system_dependencies"))
    assert found.shown == SHOWN | nothing | {"dockerfile_path": "Dockerfile"}


def test_the_key_of_the_project_is_left_aside_for_https() -> None:
    assert of_repository({"repository_url": "https://host/x"}).deploy_key is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"repository_url": ""}, "There is no code"),
        ({"repository_url": "file:///x"}, r"container_config\[repository_url\]"),
        ({"repository_url": {"0": "x"}}, "repository_url"),
        ({"repository_branch": "--x"}, r"container_config\[repository_branch\]"),
        ({"repository_deploy_key": ""}, "without a key"),
        ({"repository_deploy_key": "x"}, "not a private key"),
        ({"repository_url": "https://h/x", "repository_deploy_key": KEY}, "is for ssh"),
        ({"included_folders": {"0": "../x"}}, "included_folders"),
    ],
)
def test_what_cannot_be_fetched_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid, match=named) as caught:
        of_repository(given)
    assert "PRIVATE KEY-----\n" not in caught.value.message
