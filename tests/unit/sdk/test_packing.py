"""What of a folder travels to the platform, and what never does."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from pumphouse.sdk import InvalidParameters, TooLarge
from pumphouse.sdk.packing import LIMIT_BYTES, pack


def write(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {name}")


def members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() if file else b"" for name, file in found.items()}


def test_all_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "main.py", "lib/deep/tools.py", "data/values.csv")
    assert members(pack(tmp_path, ["/", "main.py"])) == {
        "data/values.csv": b"content of data/values.csv",
        "lib/deep/tools.py": b"content of lib/deep/tools.py",
        "main.py": b"content of main.py",
    }


def test_only_what_is_included(tmp_path: Path) -> None:
    write(tmp_path, "main.py", "lib/tools.py", "secret.txt")
    assert set(members(pack(tmp_path, ["/lib", "main.py"]))) == {"lib/tools.py", "main.py"}


def test_what_nobody_needs_is_skipped(tmp_path: Path) -> None:
    write(
        tmp_path,
        "main.py",
        "__pycache__/main.pyc",
        "lib/__pycache__/tools.pyc",
        ".git/config",
        ".venv/lib/site.py",
        "own-environment/pyvenv.cfg",
        "own-environment/lib/site.py",
    )
    assert set(members(pack(tmp_path, ["/"]))) == {"main.py"}


def test_what_is_named_is_never_skipped(tmp_path: Path) -> None:
    write(tmp_path, "main.py", "node_modules/left-pad/index.js")
    assert set(members(pack(tmp_path, ["node_modules"]))) == {"node_modules/left-pad/index.js"}


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "one", "main.py", "lib/a.py", "lib/b.py")
    write(tmp_path / "two", "lib/b.py", "lib/a.py", "main.py")
    os.utime(tmp_path / "two" / "main.py", (1, 1))
    (tmp_path / "two" / "main.py").chmod(0o600)
    assert pack(tmp_path / "one", ["/"]) == pack(tmp_path / "two", ["main.py", "lib"])


def test_a_link_within_the_folder_travels_as_what_it_points_to(tmp_path: Path) -> None:
    write(tmp_path, "main.py")
    (tmp_path / "alias.py").symlink_to("main.py")
    assert members(pack(tmp_path, ["/"]))["alias.py"] == b"content of main.py"


@pytest.mark.parametrize("included", ["/", "link"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, included: str) -> None:
    write(tmp_path, "outside.txt", "folder/main.py")
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(InvalidParameters, match="'link' is a link that leads out"):
        pack(tmp_path / "folder", [included])


def test_a_linked_folder_does_not_lead_out_either(tmp_path: Path) -> None:
    write(tmp_path, "outside/data.txt", "folder/main.py")
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidParameters, match="leads out"):
        pack(tmp_path / "folder", ["link/data.txt"])


def test_a_link_to_a_folder_is_refused_even_in_a_circle(tmp_path: Path) -> None:
    write(tmp_path, "lib/main.py")
    (tmp_path / "lib" / "again").symlink_to(tmp_path)
    with pytest.raises(InvalidParameters, match="'lib/again' is a link to a folder"):
        pack(tmp_path, ["/"])


def test_a_broken_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    with pytest.raises(InvalidParameters, match=r"gone\.py"):
        pack(tmp_path, ["/"])


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameters, match="no 'lib' in the folder"):
        pack(tmp_path, ["lib"])


def test_a_path_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "outside.txt", "folder/main.py")
    with pytest.raises(InvalidParameters, match="leads out"):
        pack(tmp_path / "folder", ["../outside.txt"])


def test_too_much_is_refused_and_the_largest_named(tmp_path: Path) -> None:
    write(tmp_path, "main.py")
    (tmp_path / "model.bin").write_bytes(bytes(LIMIT_BYTES))
    with pytest.raises(TooLarge, match=r"limit is 5 MB; the largest is 'model\.bin'"):
        pack(tmp_path, ["/"])
    assert len(members(pack(tmp_path, ["model.bin"]))["model.bin"]) == LIMIT_BYTES


def test_a_name_beyond_ascii_survives(tmp_path: Path) -> None:
    write(tmp_path, "données/été.py")
    assert set(members(pack(tmp_path, ["/"]))) == {"données/été.py"}
