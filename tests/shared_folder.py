"""Folders where user code and the tests that run it meet, whoever user code runs as."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def shared_folder(place: Path | None = None) -> Iterator[Path]:
    """A folder for the setting PUMPHOUSE_SHARED_PATHS. Everybody can reach it by its path."""
    with tempfile.TemporaryDirectory(prefix="pumphouse-shared-", dir=place) as made:
        folder = Path(made)
        folder.chmod(0o777)
        yield folder


def folder_in(shared: Path) -> Path:
    """A new folder that everybody may write to."""
    folder = Path(tempfile.mkdtemp(dir=shared))
    folder.chmod(0o777)
    return folder
