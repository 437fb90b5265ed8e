"""Where what is received goes."""

import io
import os
from pathlib import Path
from typing import Any

import pytest

from pumphouse.sdk import InvalidParameters
from pumphouse.sdk.targets import Write, writing


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    with writing(path) as write:
        write(b"first ")
        assert not path.exists()
        write(b"last")
    assert path.read_bytes() == b"first last"
    assert os.listdir(tmp_path) == ["model.bin"]


def _break_off(write: Write, error: type[BaseException]) -> None:
    write(b"half of the n")
    raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_stays_as_it_was_when_the_transfer_breaks(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    with pytest.raises(error), writing(str(path)) as write:
        _break_off(write, error)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.bin"]


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with writing(path) as write:
        write(b"new")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_leads_to_the_file_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with writing(tmp_path / "link") as write:
        write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_device_is_written_and_not_replaced() -> None:
    with writing("/dev/null") as write:
        write(b"anything")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("name", "error"), [("", IsADirectoryError), ("nowhere/model.bin", FileNotFoundError)]
)
def test_a_path_that_cannot_be_written_is_an_os_error(
    tmp_path: Path, name: str, error: type[OSError]
) -> None:
    with pytest.raises(error), writing(tmp_path / name):
        pass


class Narrow(io.RawIOBase):
    """A stream that takes three bytes at a time and cannot go back."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, content: Any) -> int:
        self.content += bytes(content[:3])
        return min(3, len(content))


def test_a_stream_gets_every_byte() -> None:
    stream = Narrow()
    with writing(stream) as write:
        write(b"0123456789")
    assert stream.content == b"0123456789"


def test_a_stream_is_put_back_to_its_beginning() -> None:
    stream = io.BytesIO()
    with writing(stream) as write:
        write(b"content")
    assert stream.read() == b"content"


@pytest.mark.parametrize("target", [io.StringIO(), 7, None, b"path"])
def test_anything_else_is_refused(target: Any) -> None:
    with pytest.raises(InvalidParameters, match="binary mode"), writing(target):
        pass
