"""Pipelines over HTTP."""

import io
import tarfile
from xml.etree import ElementTree

import pytest

from tests.integration.gateway.conftest import ADD, Gateway, archive_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORM = {"pipeline_name": "add", "function_path": "main.py", "function_name": "main"}


def packed(*members: tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"\0" * member.size))
    return content.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, "main.py"
    return made


async def test_a_pipeline_is_shown_as_it_was_described(gateway: Gateway) -> None:
    created = await gateway.pipeline(
        **{
            "description": "adds",
            "inputs[1][default_value]": "2.5",
            "inputs[1][description]": "the second",
            "container_config[language]": "",
            "container_config[included_folders][0]": "/",
            "container_config[requirements_path]": "",
        }
    )
    shown = (await gateway.http.get("/api/v1/pipelines/add")).json()

    assert created.status_code == 201, created.text
    assert created.json() == shown
    parameters, info = shown["parameters"], shown["creation_info"]
    assert parameters["inputs"] == [
        {"name": "a", "data_type": "number", "is_required": True},
        {
            "name": "b",
            "data_type": "number",
            "description": "the second",
            "default_value": 2.5,
        },
    ]
    assert parameters["container_config"]["language"] is None
    assert parameters["container_config"]["included_folders"] == ["/"]
    assert info["status"] == "ready"
    assert info["origin"] == "local"
    assert info["created_at"].endswith("Z")
    assert len(await gateway.stored()) == 1


@pytest.mark.parametrize(
    ("fields", "status", "named"),
    [
        ({"pipeline_name": "no spaces"}, 400, "'no spaces'"),
        ({"pipeline_name": "nul\0"}, 400, "name"),
        ({"function_path": "other.py"}, 400, "no file 'other.py'"),
        ({"function_name": "other"}, 400, "'other'"),
        (
            {"container_config[requirements_path]": "requirements.txt"},
            400,
            "no file 'requirements.txt': see requirements_path",
        ),
        (
            {"inputs[0][data_type]": "file", "inputs[0][default_value]": "a"},
            400,
            "default",
        ),
        ({"inputs[1][default_value]": "x"}, 400, "'b'"),
        (
            {"inputs[0][data_type]": "string", "inputs[0][default_value]": "x" * 70_000},
            413,
            "'a'",
        ),
        ({"inputs[0": "broken"}, 400, "'inputs[0'"),
        ({"pipeline_template_name": "any"}, 400, "application/json"),
    ],
)
async def test_a_description_that_cannot_be_used_is_refused(
    gateway: Gateway, fields: dict[str, str], status: int, named: str
) -> None:
    answer = await gateway.pipeline(**fields)

    assert answer.status_code == status, answer.text
    assert named in answer.json()["message"]
    assert gateway.registry.alive("pipeline") == []
    assert await gateway.stored() == []


ARCHIVES = {
    "not a tar": (b"not a tar", 400, "tar"),
    "leads out": (packed(member("../main.py")), 400, "'../main.py'"),
    "link": (packed(member("main.py", tarfile.SYMTYPE)), 400, "links"),
    "too large": (packed(member("zeros", size=6_000_000)), 413, "5 MiB"),
    "no file": (archive_of({"other.py": ADD}), 400, "no file 'main.py'"),
    "no function": (archive_of({"main.py": "def other(): pass"}), 400, "'main'"),
    "no Python": (archive_of({"main.py": "x = 1\ndef main(:\n"}), 400, "line 2"),
}


@pytest.mark.parametrize(("archive", "status", "named"), ARCHIVES.values(), ids=ARCHIVES.keys())
async def test_an_archive_that_cannot_be_used_is_refused(
    gateway: Gateway, archive: bytes, status: int, named: str
) -> None:
    answer = await gateway.http.post(
        "/api/v1/pipelines", data=FORM, files={"step_file": ("step_file", archive)}
    )

    assert answer.status_code == status, answer.text
    assert named in answer.json()["message"]
    assert gateway.registry.alive("pipeline") == []
    assert await gateway.stored() == []


async def test_an_archive_over_the_limit_of_bodies_is_refused(gateway: Gateway) -> None:
    answer = await gateway.http.post(
        "/api/v1/pipelines", data=FORM, files={"step_file": ("step_file", b"x" * 9_000_000)}
    )

    assert answer.status_code == 413


async def test_a_form_without_archive_is_refused(gateway: Gateway) -> None:
    for answer in (
        await gateway.http.post("/api/v1/pipelines", data=FORM),
        await gateway.http.post("/api/v1/pipelines", content=b"text"),
    ):
        assert answer.status_code == 400


async def test_a_taken_name_is_refused_and_nothing_changes(gateway: Gateway) -> None:
    first = await gateway.pipeline()
    stored = await gateway.stored()

    second = await gateway.pipeline(description="another")

    assert second.status_code == 409
    assert (await gateway.http.get("/api/v1/pipelines/add")).json() == first.json()
    assert await gateway.stored() == stored


async def test_an_unknown_pipeline_is_not_found_anywhere(gateway: Gateway) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "?wait_for_completion=true"),
        ("DELETE", ""),
        ("GET", "/executions"),
        ("GET", "/executions/latest"),
        ("GET", "/download"),
        ("POST", "/logs"),
        ("POST", "/run"),
    ):
        answer = await gateway.http.request(method, f"/api/v1/pipelines/nope{path}")
        assert answer.status_code == 404, path
        assert "'nope'" in answer.json()["message"]


async def test_a_pipeline_with_deployments_goes_only_when_forced(gateway: Gateway) -> None:
    deployment = await gateway.endpoint()
    path = "/api/v1/pipelines/add"

    refused = await gateway.http.delete(path, params={"force_deployments_deletion": "False"})
    assert refused.status_code == 409
    assert (await gateway.call(deployment, json={"a": 1})).status_code == 200

    deleted = await gateway.http.delete(path, params={"force_deployments_deletion": "True"})
    assert deleted.json() == {
        "pipeline": {"name": "add"},
        "deployments": [{"name": "add", "execution_rule": "endpoint"}],
    }
    assert (await gateway.http.get(path)).status_code == 404
    assert (await gateway.call(deployment, json={"a": 1})).status_code == 404


async def test_the_archive_is_downloaded_by_its_link_only(gateway: Gateway) -> None:
    await gateway.pipeline()
    url = (await gateway.http.get("/api/v1/pipelines/add/download")).json()["signed_url"]

    downloaded = await gateway.plain.get(url)
    without_signature = await gateway.plain.get(url.partition("?")[0])
    tampered = await gateway.plain.get(url.replace("code.tgz", "other.tgz"))

    with tarfile.open(fileobj=io.BytesIO(downloaded.content)) as archive:
        assert archive.getnames() == ["main.py"]
    for refused in (without_signature, tampered):
        assert refused.status_code == 403
        error = ElementTree.fromstring(refused.content)
        assert error.findtext("Code")
        assert error.findtext("Message")


async def test_an_archive_that_is_gone_is_not_found(gateway: Gateway) -> None:
    await gateway.pipeline()
    await gateway.storage.platform.delete_below("pipelines/")

    answer = await gateway.http.get("/api/v1/pipelines/add/download")

    assert answer.status_code == 404
    assert answer.json()["message"]


async def test_lists_show_every_pipeline(gateway: Gateway) -> None:
    await gateway.pipeline("one")
    await gateway.pipeline("two")

    listed = (await gateway.http.get("/api/v1/pipelines")).json()

    assert [(row["pipeline_name"], row["status"]) for row in listed] == [
        ("one", "ready"),
        ("two", "ready"),
    ]
