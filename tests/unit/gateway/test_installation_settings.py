"""Settings that say what an installation offers: defaults, templates, a vector database."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
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
from pumphouse.gateway.offered_templates import offered_templates
from pumphouse.gateway.project import ProjectDefaults, project_of
from pumphouse.gateway.settings import Settings
from pumphouse.gateway.vector_database import VectorDatabase, vector_database_of
from pumphouse.settings import load

NEEDED = {"PUMPHOUSE_SECRET_KEY": "k" * 32, "PUMPHOUSE_S3_URL": "http://key:secret@store:9000/b"}

WEAVIATE = {
    "PUMPHOUSE_VECTOR_DATABASE_URL": "https://vectors.example.com",
    "PUMPHOUSE_VECTOR_DATABASE_TOKEN": "a-token",
}


def settings(environment: Mapping[str, str]) -> Settings:
    return load(Settings, {**NEEDED, **environment})


def test_without_settings_pipelines_fall_back_to_nothing() -> None:
    assert project_of(settings({})) == ProjectDefaults()


def test_the_defaults_of_pipelines_are_as_the_settings_say(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    file = tmp_path / "deploy_key"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    found = project_of(
        settings(
            {
                "PUMPHOUSE_PROJECT_LANGUAGE": "python:3.12-slim",
                "PUMPHOUSE_PROJECT_REPOSITORY_URL": "git@example.com:team/models.git",
                "PUMPHOUSE_PROJECT_REPOSITORY_BRANCH": "main",
                "PUMPHOUSE_PROJECT_REPOSITORY_DEPLOY_KEY_FILE": str(file),
                "PUMPHOUSE_PROJECT_INCLUDED_FOLDERS": "src, /lib",
                "PUMPHOUSE_PROJECT_REQUIREMENTS_PATH": "requirements.txt",
                "PUMPHOUSE_PROJECT_SYSTEM_DEPENDENCIES": "libgomp1,git",
            }
        )
    )

    kept = found.repository_deploy_key
    assert kept is not None
    assert _public(load_ssh_private_key(kept.encode(), None)) == _public(key)
    assert found == ProjectDefaults(
        language="python:3.12-slim",
        repository_url="git@example.com:team/models.git",
        repository_branch="main",
        repository_deploy_key=kept,
        included_folders=("src", "/lib"),
        requirements_path="requirements.txt",
        system_dependencies=("libgomp1", "git"),
    )


def _public(key: Any) -> bytes:
    public: bytes = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return public


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LANGUAGE", "python3"),
        ("REPOSITORY_URL", "/home/someone/models"),
        ("REPOSITORY_BRANCH", "-b"),
        ("REPOSITORY_DEPLOY_KEY", "a secret that is no key"),
        ("INCLUDED_FOLDERS", "src,../other"),
        ("REQUIREMENTS_PATH", "/etc/requirements.txt"),
        ("SYSTEM_DEPENDENCIES", "git,rm -rf"),
    ],
)
def test_a_default_that_no_pipeline_could_use_is_refused(name: str, text: str) -> None:
    variable = f"PUMPHOUSE_PROJECT_{name}"
    with pytest.raises(Invalid, match=variable) as refusal:
        project_of(settings({variable: text}))
    assert "a secret" not in refusal.value.message


def test_every_default_of_the_project_is_a_setting() -> None:
    known = {field.name for field in msgspec.structs.fields(Settings)}
    defaults = inspect.signature(ProjectDefaults).parameters
    assert {f"project_{name}" for name in defaults} <= known


def test_a_vector_database_is_as_the_settings_say() -> None:
    assert vector_database_of(settings({})) is None
    found = vector_database_of(settings(WEAVIATE))
    assert found == VectorDatabase("https://vectors.example.com", "a-token")


@pytest.mark.parametrize("name", sorted(WEAVIATE))
def test_half_a_vector_database_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        vector_database_of(settings({name: WEAVIATE[name]}))
    assert set(WEAVIATE) <= set(refusal.value.message.replace(",", " ").split())


@pytest.mark.parametrize(
    "url",
    [
        "vectors.example.com",
        "https://vectors.example.com:8080",
        "https://vectors.example.com/",
        "https://vectors.example.com/v1",
        "https://me:hunter2@vectors.example.com",
        "grpc://vectors.example.com",
        "https://",
        "https://a b",
        "https://vectors.example.com?x=1",
    ],
)
def test_the_address_of_a_vector_database_is_a_scheme_and_a_host(url: str) -> None:
    with pytest.raises(Invalid, match="PUMPHOUSE_VECTOR_DATABASE_URL") as refusal:
        vector_database_of(settings({**WEAVIATE, "PUMPHOUSE_VECTOR_DATABASE_URL": url}))
    assert "hunter2" not in refusal.value.message


def test_a_token_that_no_header_can_hold_is_refused() -> None:
    wrong = {**WEAVIATE, "PUMPHOUSE_VECTOR_DATABASE_TOKEN": "hunter2\nX: y"}
    with pytest.raises(Invalid, match="PUMPHOUSE_VECTOR_DATABASE_TOKEN") as refusal:
        vector_database_of(settings(wrong))
    assert "hunter2" not in refusal.value.message


def test_templates_are_disabled_by_name() -> None:
    found = offered_templates(settings({"PUMPHOUSE_DISABLED_TEMPLATES": "chat-completion"}))
    assert found.disabled == {"chat-completion"}


def test_a_template_that_there_is_not_cannot_be_disabled() -> None:
    with pytest.raises(Invalid, match=r"PUMPHOUSE_DISABLED_TEMPLATES.*'chat'.*chat-completion"):
        offered_templates(settings({"PUMPHOUSE_DISABLED_TEMPLATES": "chat"}))
