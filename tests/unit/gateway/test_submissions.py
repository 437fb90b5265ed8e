"""From the form that creates a pipeline to the pipeline."""

import re

import msgspec
import pytest
from litestar.datastructures import UploadFile

from pumphouse.contracts.catalog import PipelineInput, PipelineOutput
from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid, NotSupported, PumphouseError
from pumphouse.gateway.project import ProjectDefaults
from pumphouse.gateway.submissions import Submission, read_submission

FORM = {
    "pipeline_name": "add",
    "function_path": "./main.py",
    "function_name": "main",
    "inputs[0][name]": "a",
    "inputs[0][data_type]": "number",
    "inputs[0][is_required]": "True",
    "inputs[1][name]": "b",
    "inputs[1][data_type]": "json",
    "inputs[1][default_value][k]": "1",
    "outputs[0][name]": "sum",
    "outputs[0][data_type]": "number",
    "container_config[language]": "python:3.11-slim",
    "container_config[requirements_path]": "",
    "container_config[included_folders][0]": "/",
}
ARCHIVE = UploadFile(content_type="application/gzip", filename="step_file")
ARCHIVE.file.close()  # nobody reads it here
NOTHING = ProjectDefaults()


def read(**fields: str) -> Submission:
    return read_submission([*(FORM | fields).items(), ("step_file", ARCHIVE)], NOTHING)


def test_a_form_becomes_what_it_describes() -> None:
    found = read(description="adds")

    assert found.name == "add"
    assert found.function_path == "main.py"
    assert found.description == "adds"
    assert found.inputs == (
        PipelineInput(name="a", data_type=DataType.NUMBER, is_required=True),
        PipelineInput(name="b", data_type=DataType.JSON, default={"k": 1}),
    )
    assert found.inputs[0].default is msgspec.UNSET
    assert found.outputs == (PipelineOutput(name="sum", data_type=DataType.NUMBER),)
    assert found.container["language"] == "python:3.11-slim"
    assert found.container["included_folders"] == ["/"]
    assert found.container["requirements_path"] is None
    assert found.archive is ARCHIVE


LANGUAGE, REQUIREMENTS, PACKAGES = (
    f"container_config[{key}]" for key in ("language", "requirements_path", "system_dependencies")
)
EMPTY = {LANGUAGE: "", REQUIREMENTS: "", PACKAGES: ""}


@pytest.mark.parametrize(
    "fields",
    [
        {LANGUAGE: "python:3.12-slim"},
        {LANGUAGE: "python-cuda:3.12-12.1"},
        {REQUIREMENTS: "./app/requirements.txt"},
        {f"{PACKAGES}[0]": "libgomp1", f"{PACKAGES}[1]": "g++"},
    ],
)
def test_a_build_is_needed_when_more_is_asked_for_than_the_executors_have(
    fields: dict[str, str],
) -> None:
    found = read(**({LANGUAGE: "", REQUIREMENTS: ""} | fields))
    assert found.needs_build


def test_what_is_null_needs_no_build() -> None:
    found = read(**EMPTY)
    assert not found.needs_build
    assert found.requirements_path is None
    assert found.container == {
        "language": None,
        "included_folders": ["/"],
        "requirements_path": None,
        "system_dependencies": None,
        "dockerfile_path": None,
    }


def test_requirements_and_system_packages_are_kept_as_they_take_effect() -> None:
    found = read(**{REQUIREMENTS: "./app/requirements.txt", f"{PACKAGES}[0]": "g++"})
    assert found.requirements_path == "app/requirements.txt"
    assert found.container["requirements_path"] == "app/requirements.txt"
    assert found.container["system_dependencies"] == ["g++"]


CASES: list[tuple[dict[str, str], type[PumphouseError], str]] = [
    ({"pipeline_name": "no spaces"}, Invalid, "'no spaces'"),
    ({"pipeline_name": "-first"}, Invalid, "'-first'"),
    ({"pipeline_name": "nul\0"}, Invalid, "name"),
    ({"pipeline_name": "a" * 256}, Invalid, "name"),
    ({"pipeline_name": "\u00e9"}, Invalid, "name"),
    ({"pipeline_name": ""}, Invalid, "pipeline_name is missing"),
    ({"pipeline_name[x]": "y"}, Invalid, "pipeline_name"),
    ({"description": "a\0b"}, Invalid, "NUL"),
    ({"function_path": "../main.py"}, Invalid, "'../main.py'"),
    ({"function_path": "/main.py"}, Invalid, "'/main.py'"),
    ({"function_path": "main.txt"}, Invalid, "'main.txt'"),
    ({"function_name": "not a name"}, Invalid, "'not a name'"),
    ({"inputs[0][data_type]": "text"}, Invalid, "'text'"),
    ({"inputs[0][data_type]": "file", "inputs[0][default_value]": "a"}, Invalid, "default value"),
    ({"inputs[0][name]": "b"}, Invalid, "'b'"),
    ({"inputs[0][name]": "not a name"}, Invalid, "'not a name'"),
    ({"inputs[0][is_required]": "maybe"}, Invalid, "'maybe'"),
    ({"inputs[0][default_value]": "nine"}, Invalid, "a number is expected"),
    ({"inputs[0][default_value]": "nan"}, Invalid, "a number is expected"),
    ({"inputs[1][default_value]": "1"}, Invalid, "default_value"),
    ({"inputs[5][name]": "late"}, Invalid, "inputs"),
    ({"inputs[0": "broken"}, Invalid, "'inputs[0'"),
    ({"inputs": "text"}, Invalid, "inputs"),
    ({"x" + "[a]" * 200: "deep"}, Invalid, "keys"),
    ({"outputs[0][data_type]": ""}, Invalid, "outputs[0][data_type]"),
    ({"container_config[unknown]": "x"}, Invalid, "'unknown'"),
    ({"container_config[language]": "cobol"}, Invalid, "'cobol'"),
    ({"container_config[language]": "python:2.7-slim"}, Invalid, "'python:2.7-slim'"),
    ({"container_config[language]": "python-cuda:3.11"}, Invalid, "'python-cuda:3.11'"),
    ({"container_config[requirements_path]": "../a.txt"}, Invalid, "requirements_path"),
    ({"container_config[requirements_path]": "/a.txt"}, Invalid, "'/a.txt'"),
    ({"container_config[requirements_path][0]": "a.txt"}, Invalid, "requirements_path"),
    ({"container_config[system_dependencies]": "gcc"}, Invalid, "system_dependencies"),
    ({"container_config[system_dependencies][0]": ""}, Invalid, "system package"),
    ({"container_config[system_dependencies][0]": "--help"}, Invalid, "'--help'"),
    ({"container_config[dockerfile_path]": "Dockerfile"}, NotSupported, "dockerfile_path"),
    ({"container_config[repository_url]": "https://x.org/y"}, Invalid, "exclude each other"),
    ({"container_config[repository_branch]": "main"}, Invalid, "repository_branch"),
    ({"container_config[repository_deploy_key]": "x"}, Invalid, "repository_deploy_key"),
    ({"pipeline_template_name": "any"}, Invalid, "application/json"),
]


@pytest.mark.parametrize(("fields", "kind", "named"), CASES, ids=range(len(CASES)))
def test_what_cannot_be_used_is_named(
    fields: dict[str, str], kind: type[PumphouseError], named: str
) -> None:
    with pytest.raises(kind, match=re.escape(named)):
        read(**fields)


def test_a_form_has_no_other_file() -> None:
    with pytest.raises(Invalid, match="'other'"):
        read_submission([*FORM.items(), ("step_file", ARCHIVE), ("other", ARCHIVE)], NOTHING)


def test_a_form_without_code_is_told_both_ways_to_give_some() -> None:
    for project in (NOTHING, ProjectDefaults(repository_branch="main")):
        with pytest.raises(Invalid, match=r"local_folder.*step_file.*repository_url"):
            read_submission(list(FORM.items()), project)


def test_a_form_without_folder_is_of_a_repository_and_needs_a_build() -> None:
    url = {"container_config[repository_url]": "https://git.example.com/team/add.git"}
    empty = {LANGUAGE: "", "container_config[repository_branch]": ""}
    found = read_submission(list((FORM | url | empty).items()), NOTHING)
    assert found.archive is None
    assert found.needs_build
    assert found.deploy_key is None
    assert found.container == {
        "repository_url": "https://git.example.com/team/add.git",
        "repository_branch": None,
        "language": None,
        "included_folders": ["/"],
        "requirements_path": None,
        "system_dependencies": None,
        "dockerfile_path": None,
    }


DOCKERFILE = "container_config[dockerfile_path]"
CONTAINER = {
    DOCKERFILE: "./docker/Dockerfile",
    "function_path": "",
    "function_name": "",
    LANGUAGE: "",
}


def read_with_engine(**fields: str) -> Submission:
    texts = FORM | CONTAINER | fields
    return read_submission(
        [*texts.items(), ("step_file", ARCHIVE)], NOTHING, allows_dockerfiles=True
    )


def test_a_dockerfile_is_the_code_where_there_is_an_engine() -> None:
    found = read_with_engine()
    assert found.dockerfile_path == "docker/Dockerfile"
    assert (found.function_path, found.function_name) == ("", "")
    assert found.needs_build


def test_a_pipeline_without_dockerfile_needs_its_function_there_too() -> None:
    with pytest.raises(Invalid, match="function_path is missing"):
        read_with_engine(**{DOCKERFILE: ""})


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"function_path": "main.py"}, "function_path and container_config[dockerfile_path]"),
        ({"function_name": "main"}, "function_name and container_config[dockerfile_path]"),
        ({LANGUAGE: "python:3.11-slim"}, "container_config[language] and"),
        ({REQUIREMENTS: "requirements.txt"}, "container_config[requirements_path] and"),
        ({f"{PACKAGES}[0]": "g++"}, "container_config[system_dependencies] and"),
        ({DOCKERFILE: "../Dockerfile"}, "'../Dockerfile'"),
        ({DOCKERFILE: "/Dockerfile"}, "'/Dockerfile'"),
        ({"outputs[0][name]": "a/b"}, "'a/b'"),
        ({"outputs[0][name]": "é" * 101}, "at most 200 bytes"),
    ],
)
def test_what_a_dockerfile_excludes_is_named(fields: dict[str, str], named: str) -> None:
    with pytest.raises(Invalid, match=re.escape(named)):
        read_with_engine(**fields)
