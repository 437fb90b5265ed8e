"""The pipelines that come with the platform, for others to be created from.

Each has a folder here: `template.json` declares it, and the rest is the code of the pipeline.
"""

import gzip
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal

import msgspec

from pumphouse.contracts.catalog import PipelineInput, PipelineOutput

_DECLARATION = "template.json"
_NOT_SHIPPED = ("__pycache__", _DECLARATION)


class Declaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `template.json` holds; the mappings as the HTTP API takes them, for an endpoint."""

    name: str
    version: str
    display_name: str
    description: str
    hosting_type: Literal["self-hosted", "private-api"]
    model_family: str
    function_path: str
    function_name: str
    inputs: tuple[PipelineInput, ...] = ()
    outputs: tuple[PipelineOutput, ...] = ()
    recommended_inputs_mapping: list[Any] = []
    recommended_outputs_mapping: list[Any] = []


class ShippedTemplate(msgspec.Struct, frozen=True):
    """archive: the code as a gzip tar, the same bytes at every start."""

    declaration: Declaration
    archive: bytes


def shipped_templates() -> Mapping[str, ShippedTemplate]:
    """All templates by name, in the order of their names."""
    folders = (entry for entry in resources.files(__name__).iterdir() if _is_template(entry))
    found = [_read(folder) for folder in folders]
    return {one.declaration.name: one for one in sorted(found, key=lambda t: t.declaration.name)}


def _is_template(entry: Traversable) -> bool:
    return entry.is_dir() and entry.joinpath(_DECLARATION).is_file()


def _read(folder: Traversable) -> ShippedTemplate:
    text = folder.joinpath(_DECLARATION).read_bytes()
    return ShippedTemplate(
        msgspec.json.decode(text, type=Declaration), _packed(sorted(_files(folder, "")))
    )


def _files(folder: Traversable, above: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name in _NOT_SHIPPED:
            continue
        if entry.is_dir():
            yield from _files(entry, f"{above}{entry.name}/")
        else:
            yield f"{above}{entry.name}", entry.read_bytes()


def _packed(files: Iterable[tuple[str, bytes]]) -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for path, content in files:
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(tar.getvalue(), mtime=0)
