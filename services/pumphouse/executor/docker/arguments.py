"""How inputs reach a container: values and files as two arguments, files copied in beside them."""

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import msgspec

from pumphouse.executor.faults import UnusableInput
from pumphouse.executor.work import Work

INPUTS_FOLDER = "/inputs"

ARGUMENT_LIMIT = (128 << 10) - 1
"""Bytes of one argument that Linux hands to a program (MAX_ARG_STRLEN, with its final NUL)."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """values, files: JSON of the inputs by name. sources: what to copy in, by path there."""

    values: str
    files: str
    sources: dict[str, Path]


def arguments_of(work: Work) -> Arguments:
    """Raises UnusableInput for more than the system hands over."""
    inputs = work.job.inputs
    sources = {name: work.files[name] for name in sorted(work.files)}
    paths = {
        name: f"{INPUTS_FOLDER}/{position}/{source.name}"
        for position, (name, source) in enumerate(sources.items())
    }
    files = {name: {"path": paths[name]} if name in paths else None for name in work.input_files}
    values = {name: value for name, value in inputs.items() if name not in work.input_files}
    return Arguments(
        values=_argument(values),
        files=_argument(files),
        sources={path: sources[name] for name, path in paths.items()},
    )


def pack_sources(sources: Mapping[str, Path], target: BinaryIO) -> None:
    """Write a tar for the root of a container, in which everyone may read. Raises OSError."""
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder in sorted({parent for path in sources for parent in _parents(path)}):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
        for path, source in sources.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = source.stat().st_size, 0o644
            with source.open("rb") as file:
                archive.addfile(member, file)
    target.seek(0, io.SEEK_SET)


def _parents(path: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(path.lstrip("/")).parents if parent.name]


def _argument(inputs: Mapping[str, Any]) -> str:
    encoded = msgspec.json.encode(inputs)
    if len(encoded) > ARGUMENT_LIMIT:
        raise UnusableInput(
            f"The inputs are too large: {len(encoded):,} bytes of JSON, where a container takes"
            f" {ARGUMENT_LIMIT:,} as its argument. Give them as files."
        )
    return encoded.decode()
