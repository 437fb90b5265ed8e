"""What travels of a repository."""

import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pumphouse.archives import MAX_CONTENT_BYTES, check_archive
from pumphouse.contracts.catalog import Code, Pipeline
from pumphouse.executor.faults import BuildFailed
from pumphouse.executor.packing import Packed, packed

DOCKERFILE = Code(archive="a", function_path="", function_name="", dockerfile="docker/Dockerfile")
MAIN = "def main():\n    pass\n"
FILES = {"main.py": MAIN, "src/a.py": "a", "src/b/c.py": "c", "srcs.py": "", "all.txt": "six"}


def tree(folder: Path, files: dict[str, str], links: dict[str, str] | None = None) -> Path:
    """A tar file as `git archive` writes it."""
    file = folder / "tree.tar"
    with tarfile.open(file, "w") as archive:
        for name in sorted({str(Path(name).parent) for name in files} - {"."}):
            member = tarfile.TarInfo(f"{name}/")
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            member.mode, member.mtime = 0o775 if name.endswith(".sh") else 0o664, 1234
            archive.addfile(member, io.BytesIO(text.encode()))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return file


def pipeline(path: str = "main.py", **container: Any) -> Pipeline:
    return Pipeline(
        id="p",
        name="p",
        code=Code(archive="a", function_path=path, function_name="main"),
        container={"repository_url": "https://host/x", **container},
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
        created_by="u",
    )


def content(result: Packed) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(result.archive), mode="r:gz") as archive:
        found = {}
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            found[member.name] = file.read().decode()
        return found


@pytest.mark.parametrize(
    ("container", "names"),
    [
        ({}, [*FILES]),
        ({"included_folders": ["/"]}, [*FILES]),
        ({"included_folders": ["src"]}, ["main.py", "src/a.py", "src/b/c.py"]),
        ({"included_folders": ["/src/b/"]}, ["main.py", "src/b/c.py"]),
        ({"included_folders": ["./srcs.py", "src/a.py"]}, ["main.py", "src/a.py", "srcs.py"]),
        (
            {"included_folders": ["src/b"], "requirements_path": "all.txt"},
            ["main.py", "src/b/c.py", "all.txt"],
        ),
    ],
)
def test_what_is_included_travels_with_the_function_and_the_requirements(
    tmp_path: Path, container: dict[str, Any], names: list[str]
) -> None:
    found = packed(tree(tmp_path, FILES), pipeline(**container))
    assert content(found) == {name: FILES[name] for name in names}
    assert found.remarks == []
    check_archive(found.archive, "main.py", "main", container.get("requirements_path"))


def test_the_same_files_make_the_same_archive(tmp_path: Path) -> None:
    one = packed(tree(tmp_path, FILES), pipeline()).archive
    other = packed(tree(tmp_path, dict(reversed(FILES.items()))), pipeline()).archive
    assert one == other


def test_a_link_to_a_file_travels_as_that_file(tmp_path: Path) -> None:
    links = {"src/link.py": "../all.txt", "again": "src/link.py"}
    found = packed(tree(tmp_path, FILES, links), pipeline(included_folders=["src", "again"]))
    assert content(found)["src/link.py"] == "six"
    assert content(found)["again"] == "six"


@pytest.mark.parametrize(
    "target", ["src", "../x", "/etc/passwd", "nowhere", "../../../../etc/passwd", "link"]
)
def test_other_links_are_refused_unless_they_are_left_out(tmp_path: Path, target: str) -> None:
    file = tree(tmp_path, FILES, {"link": target})
    with pytest.raises(BuildFailed, match="'link'"):
        packed(file, pipeline())
    packed(file, pipeline(included_folders=["src"]))


def test_a_program_stays_one(tmp_path: Path) -> None:
    found = packed(tree(tmp_path, {"main.py": MAIN, "run.sh": "true"}), pipeline())
    with tarfile.open(fileobj=io.BytesIO(found.archive), mode="r:gz") as archive:
        assert {member.name: member.mode for member in archive} == {
            "main.py": 0o644,
            "run.sh": 0o755,
        }


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (pipeline("src/main.py"), r"no 'src/main.py'.*function_path"),
        (pipeline(included_folders=["lib"]), r"no 'lib'.*included_folders"),
        (pipeline(included_folders=["main.py/x"]), "included_folders"),
        (pipeline(requirements_path="x.txt"), r"no 'x.txt'.*requirements_path"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, wanted: Pipeline, named: str) -> None:
    with pytest.raises(BuildFailed, match=named):
        packed(tree(tmp_path, FILES), wanted)


def test_an_empty_repository_has_no_function(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="function_path"):
        packed(tree(tmp_path, {}), pipeline())


def test_too_much_is_refused_with_its_largest_file_unless_it_is_left_out(tmp_path: Path) -> None:
    file = tree(tmp_path, {**FILES, "data/big": "x" * MAX_CONTENT_BYTES})
    with pytest.raises(BuildFailed, match=r"5 MiB.*'data/big'.*included_folders"):
        packed(file, pipeline())
    packed(file, pipeline(included_folders=["src"]))


def test_what_is_no_tree_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tree.tar"
    file.write_text("no tar file at all" * 100)
    with pytest.raises(BuildFailed, match="cannot be read"):
        packed(file, pipeline())


def test_what_is_not_fetched_is_remarked_on(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    files = {"main.py": MAIN, ".gitmodules": "", "model.bin": pointer}
    remarks = packed(tree(tmp_path, files), pipeline()).remarks
    assert [remark.split()[0] for remark in remarks] == ["the", "model.bin"]


def test_a_dockerfile_is_included_in_place_of_a_function(tmp_path: Path) -> None:
    wanted = replace(pipeline("", included_folders=["src"]), code=DOCKERFILE)
    found = content(packed(tree(tmp_path, FILES | {"docker/Dockerfile": "FROM x"}), wanted))
    assert sorted(found) == ["docker/Dockerfile", "src/a.py", "src/b/c.py"]
    with pytest.raises(BuildFailed, match="no 'docker/Dockerfile' on this branch: see dockerfile"):
        packed(tree(tmp_path, FILES), wanted)
