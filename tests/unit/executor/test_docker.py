"""Containers of pipelines, as far as no engine is needed."""

import io
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pumphouse.contracts.catalog import Code
from pumphouse.executor.docker.arguments import ARGUMENT_LIMIT, arguments_of, pack_sources
from pumphouse.executor.docker.containers import host_config
from pumphouse.executor.docker.context import pack_context, tag_of
from pumphouse.executor.docker.endings import State, ended
from pumphouse.executor.docker.leftovers import home_of
from pumphouse.executor.docker.limits import Limits
from pumphouse.executor.faults import UnusableInput
from pumphouse.executor.frames import Job
from pumphouse.executor.work import Work

CODE = Code(archive="a", function_path="", function_name="", dockerfile="Dockerfile", image="i:1")


def work(inputs: dict[str, Any], *files: str) -> Work:
    """Files are inputs with a path, or None."""
    given = {name: inputs[name] for name in files if inputs[name] is not None}
    job = Job(execution_id="e", inputs=inputs | dict.fromkeys(files), absent=[], outputs=[])
    return Work(*(CODE, job, {}, None, Path("out")), input_files=frozenset(files), files=given)


def test_values_and_files_are_two_arguments() -> None:
    inputs = {
        "a": 1,
        "stored": msgspec.Raw(b'{"k": [1]}'),
        "like": {"path": "no file"},
        "f": Path("in/0/photo \u00e9.png"),
        "none": None,
        "nobody": None,
    }
    found = arguments_of(work(inputs, "f", "nobody"))
    assert msgspec.json.decode(found.values) == {
        "a": 1,
        "stored": {"k": [1]},
        "like": {"path": "no file"},
        "none": None,
    }
    assert msgspec.json.decode(found.files) == {
        "f": {"path": "/inputs/0/photo \u00e9.png"},
        "nobody": None,
    }
    assert found.sources == {"/inputs/0/photo \u00e9.png": Path("in/0/photo \u00e9.png")}


def test_no_inputs_are_two_empty_objects() -> None:
    found = arguments_of(work({}))
    assert (found.values, found.files, found.sources) == ("{}", "{}", {})


def test_an_argument_is_as_long_as_linux_allows() -> None:
    around = len(b'{"a":""}')
    assert len(arguments_of(work({"a": "x" * (ARGUMENT_LIMIT - around)})).values) == ARGUMENT_LIMIT
    with pytest.raises(UnusableInput, match="Give them as files"):
        arguments_of(work({"a": "x" * (ARGUMENT_LIMIT - around + 1)}))


def test_files_are_packed_for_everyone_to_read(tmp_path: Path) -> None:
    source = tmp_path / "secret"
    source.write_bytes(b"content")
    source.chmod(0o600)
    buffer = io.BytesIO()
    pack_sources({"/inputs/0/a.bin": source, "/inputs/1/a.bin": source}, buffer)
    with tarfile.open(fileobj=buffer) as archive:
        found = [(member.name, oct(member.mode), member.uid) for member in archive]
    assert found == [
        ("inputs", "0o755", 0),
        ("inputs/0", "0o755", 0),
        ("inputs/1", "0o755", 0),
        ("inputs/0/a.bin", "0o644", 0),
        ("inputs/1/a.bin", "0o644", 0),
    ]


def test_a_context_is_known_by_its_content(tmp_path: Path) -> None:
    def digest(name: str, content: str, mode: int = 0o644) -> str:
        folder = tmp_path / name / "code"
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "a.py").write_text(content)
        (folder / "sub" / "a.py").chmod(mode)
        return pack_context(folder, tmp_path / name / "context.tar")

    first = digest("first", "x")
    assert digest("same", "x", 0o600) == first
    assert digest("other", "y") != first
    assert digest("program", "x", 0o755) != first
    assert tag_of(first, "Dockerfile") != tag_of(first, "other/Dockerfile")


@pytest.mark.parametrize(
    ("state", "limits", "words"),
    [
        (State(1), Limits(), "The container ended with exit code 1."),
        (State(127), Limits(), "127, which most often is a program that was not found."),
        (State(128), Limits(), "The container ended with exit code 128."),
        (State(139), Limits(), "139, which is SIGSEGV (a crash in native code)."),
        (State(255), Limits(), "255, which is signal 127."),
        (State(137, True), Limits(memory=3 << 20), "more memory than its limit of 3 MiB."),
        (State(137, True), Limits(), "because it needed more memory than there is."),
    ],
)
def test_the_end_of_a_container_in_words(state: State, limits: Limits, words: str) -> None:
    assert str(ended(state, limits).error).endswith(words)


def test_a_container_is_confined_as_far_as_there_are_limits() -> None:
    whole = host_config(Limits(memory=1 << 30, processes=9, processors=0.5), "bridge")
    assert whole["Memory"] == whole["MemorySwap"] == 1 << 30
    assert (whole["PidsLimit"], whole["NanoCpus"]) == (9, 500_000_000)
    none = host_config(Limits(processes=None), "bridge")
    assert whole.keys() - none.keys() == {"Memory", "MemorySwap", "PidsLimit", "NanoCpus"}
    assert (none["CapDrop"], none["SecurityOpt"]) == (["ALL"], ["no-new-privileges"])


def test_a_work_folder_keeps_the_name_of_its_containers(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    home = home_of(tmp_path / "a")
    assert home_of(tmp_path / "a") == home != home_of(tmp_path / "b")
    assert len(list((tmp_path / "a").iterdir())) == 1
