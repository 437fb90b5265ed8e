"""Pipelines from a private git repository, created by the official client."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from craft_ai_sdk import io

from tests.acceptance.conftest import Platform
from tests.acceptance.guides.callers import official_client
from tests.servers.git_repository import GitRepository
from tests.servers.git_ssh import SshServer, git_over_ssh

DECLARING: Any = io
"""The client's Input and Output, which have no types."""

FILES: dict[str, str | Path] = {
    "app/main.py": "from app.words import shout\n\n\ndef main(text):\n"
    "    return {'shouted': shout(text)}\n",
    "app/words.py": "def shout(text):\n    return text.upper()\n",
    "data/large.bin": "x" * 6_000_000,
}


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "repositories")


@pytest.fixture
def server(repository: GitRepository) -> Iterator[SshServer]:
    with git_over_ssh(repository.root) as serving:
        yield serving


@pytest.fixture
def client(platform: Platform, nothing_left: None) -> Iterator[Any]:
    with official_client(platform.url, platform.token) as official:
        yield official


def create(client: Any, server: SshServer, **container: Any) -> Any:
    return client.create_pipeline(
        pipeline_name="shouting",
        function_path="app/main.py",
        function_name="main",
        container_config={
            "repository_url": f"{server.url}/code.git",
            "repository_deploy_key": server.key,
            "included_folders": ["/app"],
            **container,
        },
        inputs=[DECLARING.Input("text", "string")],
        outputs=[DECLARING.Output("shouted", "string")],
    )


def test_a_pipeline_from_a_repository_runs_and_says_which_commit_it_is(
    client: Any, repository: GitRepository, server: SshServer
) -> None:
    commit = repository.commit(FILES, "stable")
    repository.commit({"app/words.py": "raise SystemExit\n"}, "main")
    created = create(client, server, repository_branch="stable")
    assert created["creation_info"]["status"] == "ready"
    assert created["creation_info"]["commit_id"] == commit
    assert created["creation_info"]["origin"] == "git_repository"
    config = created["parameters"]["container_config"]
    assert config["repository_url"] == f"{server.url}/code.git"
    assert config["repository_branch"] == "stable"

    done = client.run_pipeline("shouting", inputs={"text": "hello"})
    assert done["outputs"] == {"shouted": "HELLO"}
    execution = client.get_pipeline_execution(done["execution_id"])
    [step] = execution["steps"]
    assert (step["commit_id"], step["repository_branch"]) == (commit, "stable")
    logs = client.get_pipeline_logs("shouting")
    assert f"[commit {commit}]" in [line["message"] for line in logs]

    everything = [
        created,
        execution,
        logs,
        client.list_pipelines(),
        client.get_pipeline("shouting"),
    ]
    written = json.dumps(everything, default=str)
    assert "PRIVATE KEY" not in written
    assert "deploy_key" not in written


def test_a_repository_that_cannot_be_fetched_says_why(
    client: Any, repository: GitRepository, server: SshServer
) -> None:
    repository.commit(FILES)
    with pytest.raises(Exception, match="logs") as caught:
        create(client, server, repository_branch="nope")
    assert getattr(caught.value, "name", None) == "CreationFailed"
    info = client.get_pipeline("shouting")["creation_info"]
    assert info["commit_id"] is None
    assert "refs/heads/nope" in info["status_message"]
    logs = client.get_pipeline_logs("shouting")
    assert any("refs/heads/nope" in line["message"] for line in logs)


def test_the_code_of_a_repository_is_not_downloaded_from_the_platform(
    client: Any, repository: GitRepository, server: SshServer, tmp_path: Path
) -> None:
    repository.commit(FILES)
    create(client, server)
    with pytest.raises(Exception, match="git repository") as caught:
        client.download_pipeline_local_folder("shouting", str(tmp_path))
    assert getattr(caught.value, "status_code", None) == 400
