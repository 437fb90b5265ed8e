"""Both clients at a real platform: what no fake of it can vouch for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pumphouse.sdk import Input, NotFound, Output, PumphouseSdk, Unauthorized
from tests.servers.git_repository import GitRepository
from tests.servers.git_ssh import git_over_ssh
from tests.stack import embedded_platform
from tests.unit.sdk.driven import CLIENTS, client

SHOUT = "def shout(text):\n    return {'shouted': text.upper()}\n"


@dataclass
class Access:
    url: str
    token: str


@pytest.fixture(scope="module")
def access() -> Iterator[Access]:
    with embedded_platform() as platform:
        yield Access(platform.url, platform.token)


@pytest.fixture(params=CLIENTS)
def sdk(request: pytest.FixtureRequest, access: Access) -> Iterator[PumphouseSdk]:
    with client(request.param, access.url, access.token) as found:
        yield found


@pytest.fixture
def name(request: pytest.FixtureRequest, sdk: PumphouseSdk) -> Iterator[str]:
    """Of a pipeline, which is deleted at the end."""
    found = f"of-{request.node.callspec.params['sdk']}"
    yield found
    sdk.delete_pipeline(found, force_deployments_deletion=True)


def test_a_template_becomes_a_pipeline(sdk: PumphouseSdk, name: str) -> None:
    template = "table-summary"
    assert template in [found["name"] for found in sdk.list_pipeline_templates()]
    assert sdk.get_pipeline_template(template)["inputs"][0]["name"] == "table"
    pipeline = sdk.create_pipeline(name, pipeline_template_name=template)
    made_from = pipeline["creation_info"].get("pipeline_template")
    assert made_from is not None
    assert made_from["name"] == template
    found = sdk.run_pipeline(name, {"table": b"city,amount\nOslo,7\nLima,2\n"})
    assert "amount" in str(found["outputs"])


def test_a_private_repository_becomes_a_pipeline(
    sdk: PumphouseSdk, name: str, tmp_path: Path
) -> None:
    repository = GitRepository(tmp_path)
    commit = repository.commit({"src/main.py": SHOUT}, "stable")
    with git_over_ssh(repository.root) as server:
        pipeline = sdk.create_pipeline(
            name,
            "src/main.py",
            "shout",
            container_config={
                "repository_url": f"{server.url}/code.git",
                "repository_branch": "stable",
                "repository_deploy_key": server.key,
            },
            inputs=[Input("text", "string")],
            outputs=[Output("shouted", "string")],
        )
    assert pipeline["creation_info"]["origin"] == "git_repository"
    assert pipeline["creation_info"]["commit_id"] == commit
    assert sdk.run_pipeline(name, {"text": "hello"})["outputs"] == {"shouted": "HELLO"}


def test_an_installation_without_a_vector_database_says_so(sdk: PumphouseSdk) -> None:
    with pytest.raises(NotFound, match="no vector database"):
        sdk.get_vector_database_credentials()


def test_logs_of_an_unknown_deployment_are_not_found(sdk: PumphouseSdk) -> None:
    with pytest.raises(NotFound, match="nothing"):
        sdk.get_deployment_logs("nothing")


def test_a_new_sdk_token_replaces_the_one_before(
    request: pytest.FixtureRequest, sdk: PumphouseSdk, access: Access
) -> None:
    myself = sdk.who_am_i()
    before, access.token = access.token, sdk.regenerate_sdk_token()["sdk_token"]
    assert sdk.get_user(myself["id"]) == myself
    kind = request.node.callspec.params["sdk"]
    with client(kind, access.url, before) as late, pytest.raises(Unauthorized):
        late.who_am_i()
