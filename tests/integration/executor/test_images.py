"""Images of pipelines with a Dockerfile, built by a real container engine."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from pumphouse.executor.docker.images import LABEL
from tests.integration.executor.dockerfiles import BEGIN, DOCKERFILE, Containers
from tests.servers.git_https import git_over_https
from tests.servers.git_repository import GitRepository


async def test_what_the_engine_says_is_the_log_of_the_build(containers: Containers) -> None:
    pipeline = await containers.pipeline(
        "", DOCKERFILE + 'RUN ["/bin/sh", "-c", "echo made it; echo aloud >&2"]'
    )
    await containers.building.ask(pipeline)
    end = await containers.building.end(pipeline)
    assert end.image is not None
    containers.tags.add(end.image)
    log = containers.building.log(pipeline)
    assert {"made it", "aloud"} <= set(log)
    assert any("WORKDIR /app" in line for line in log)
    assert log[-1] == f"[the image is {end.image}]"
    assert containers.engine.images.get(end.image).labels[LABEL] == end.image.partition(":")[2]


async def test_the_same_content_is_built_once(containers: Containers) -> None:
    first = await containers.code("leave('v', 1)")
    pipeline = await containers.pipeline("leave('v', 1)")
    await containers.building.ask(pipeline)
    assert (await containers.building.end(pipeline)).image == first.image
    assert containers.building.log(pipeline) == [f"[the image is {first.image}]"]
    assert (await containers.code("leave('v', 2)")).image != first.image


@pytest.mark.parametrize(
    ("dockerfile", "words"),
    [
        ("FROM {base}\nBAKE cake\n", "unknown instruction: BAKE"),
        ("FROM {base}\nWORKDIR /app\nCOPY missing.txt .\n", "missing.txt"),
        ("FROM {base}\nRUN exit 3\n", "returned a non-zero code: 3"),
        ('FROM {base}\nENTRYPOINT ["/bin/python"]\n', "must be /app"),
        ("FROM {base}\nWORKDIR /app\n", "nothing to run"),
    ],
)
async def test_a_build_that_fails_says_why(
    containers: Containers, dockerfile: str, words: str
) -> None:
    message, log = await containers.failure(dockerfile)
    for tag in [line.split()[-1] for line in log if line.startswith("Successfully tagged")]:
        assert containers.engine.images.list(tag) == []
    assert words in message
    assert words in log[-1]


async def test_a_shell_that_swallows_the_inputs_is_remarked_on(containers: Containers) -> None:
    dockerfile = "FROM {base}\nWORKDIR /app\nCOPY . .\nCMD /bin/python main.py\n"
    pipeline = await containers.pipeline("", dockerfile)
    await containers.building.ask(pipeline)
    end = await containers.building.end(pipeline)
    assert end.image is not None
    containers.tags.add(end.image)
    assert any("a shell does not hand on" in line for line in containers.building.log(pipeline))


async def test_an_image_that_is_gone_is_built_again(containers: Containers) -> None:
    code = await containers.code("leave('v', 7)")
    containers.engine.images.remove(code.image, force=True)
    plan = containers.platform.plan(code, (), {"v": "number"})
    await containers.platform.send(plan)
    finished = await containers.platform.end(plan)
    assert [output.value for output in finished.outputs] == [7]


async def test_a_dockerfile_is_fetched_from_a_repository(
    containers: Containers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = GitRepository(tmp_path / "repositories")
    dockerfile = DOCKERFILE.format(base=containers.base)
    files = {"main.py": BEGIN + "leave('v', 3)", "docker/Dockerfile": dockerfile}
    commit_id = repository.commit(files)
    with git_over_https(repository.root, tmp_path) as server:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(server.authority))
        pipeline = await containers.pipeline()
        wish = {"repository_url": f"{server.url}/code.git", "repository_branch": None}
        await containers.platform.change(pipeline=replace(pipeline, container=wish))
        await containers.building.ask(pipeline)
        end = await containers.building.end(pipeline)
    assert (end.message, end.commit_id) == (None, commit_id)
    assert end.image is not None
    assert end.archive is not None
    containers.tags.add(end.image)
    plan = containers.platform.plan(
        replace(pipeline.code, archive=end.archive, image=end.image), (), {"v": "number"}
    )
    await containers.platform.send(plan)
    assert (await containers.platform.end(plan)).outputs[0].value == 3
