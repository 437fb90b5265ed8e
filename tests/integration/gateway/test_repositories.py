"""Pipelines from git repositories over HTTP: taken without being fetched, and shown."""

from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec.structs import replace

from pumphouse.contracts.catalog import Pipeline
from pumphouse.contracts.vocabulary import PipelineStatus
from pumphouse.sealing import Sealer
from tests.integration.gateway.conftest import ADD, Gateway, archive_of, settings_with

pytestmark = pytest.mark.asyncio(loop_scope="session")

URL = "git@git.example.com:team/add.git"
KEY = (
    Ed25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    .decode()
)
FORM = {
    "pipeline_name": "add",
    "function_path": "main.py",
    "function_name": "main",
    "container_config[repository_url]": URL,
    "container_config[repository_branch]": "stable",
    "container_config[repository_deploy_key]": KEY,
}


async def create(gateway: Gateway, **fields: str) -> httpx.Response:
    form = {f"container_config[{key}]": text for key, text in fields.items()}
    return await gateway.http.post("/api/v1/pipelines", data=FORM | form)


def stored(gateway: Gateway) -> Pipeline:
    [pipeline] = gateway.registry.alive("pipeline")
    assert isinstance(pipeline, Pipeline)
    return pipeline


async def test_it_is_pending_and_nothing_is_stored_for_it(gateway: Gateway) -> None:
    created = await create(gateway)
    assert created.status_code == 201, created.text
    shown = created.json()
    assert shown["creation_info"]["status"] == "creation_pending"
    assert shown["creation_info"]["origin"] == "git_repository"
    assert shown["creation_info"]["commit_id"] is None
    config: dict[str, Any] = shown["parameters"]["container_config"]
    assert config["repository_url"] == URL
    assert config["repository_branch"] == "stable"
    assert await gateway.stored() == []


async def test_its_key_is_sealed_and_shown_nowhere(gateway: Gateway) -> None:
    created = await create(gateway)
    sealed = stored(gateway).deploy_key
    assert sealed is not None
    opened = Sealer(settings_with("").secret_key).open(sealed)
    assert opened.startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    secrets = (sealed, *KEY.splitlines()[1:-1], *opened.splitlines()[1:-1], "deploy_key")
    paths = ("pipelines", "pipelines/add", "pipelines/add/executions")
    answers = [created, *[await gateway.http.get(f"/api/v1/{path}") for path in paths]]
    for answer in answers:
        assert answer.status_code < 300
        assert not [secret for secret in secrets if secret in answer.text]


async def test_it_shows_its_commit_once_it_is_ready(gateway: Gateway) -> None:
    await create(gateway)
    built = replace(
        stored(gateway), status=PipelineStatus.READY, commit_id="c0ffee", deploy_key=None
    )
    gateway.registry.record(pipeline=built)
    info = (await gateway.http.get("/api/v1/pipelines/add")).json()["creation_info"]
    assert (info["status"], info["commit_id"]) == ("ready", "c0ffee")


async def test_its_code_is_not_downloaded_from_here(gateway: Gateway) -> None:
    await create(gateway)
    answer = await gateway.http.get("/api/v1/pipelines/add/download")
    assert answer.status_code == 400
    assert URL in answer.json()["message"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"repository_url": "file:///etc"}, "container_config[repository_url]"),
        ({"repository_url": "https://me:s3cret@host/x"}, "without credentials"),
        ({"repository_url": "https://host/x"}, "is for ssh"),
        ({"repository_url": ""}, "local_folder"),
        ({"repository_branch": "--upload-pack=x"}, "container_config[repository_branch]"),
        ({"repository_deploy_key": ""}, "container_config[repository_deploy_key]"),
        ({"repository_deploy_key": "s3cret"}, "container_config[repository_deploy_key]"),
    ],
)
async def test_what_cannot_be_fetched_is_refused(
    gateway: Gateway, fields: dict[str, str], named: str
) -> None:
    answer = await create(gateway, **fields)
    assert answer.status_code == 400
    assert named in answer.json()["message"]
    assert "s3cret" not in answer.text
    assert gateway.registry.alive("pipeline") == []


async def test_a_folder_of_code_beside_a_repository_is_refused(gateway: Gateway) -> None:
    files = {"step_file": ("step_file", archive_of({"main.py": ADD}))}
    answer = await gateway.http.post("/api/v1/pipelines", data=FORM, files=files)
    assert answer.status_code == 400
    assert "exclude each other" in answer.json()["message"]
    assert await gateway.stored() == []
