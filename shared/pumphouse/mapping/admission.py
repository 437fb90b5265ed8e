"""Which of the values and files that a caller gives become an execution's, and what is refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from pumphouse.contracts.catalog import Pipeline, PipelineInput
from pumphouse.contracts.mappings import EndpointValue, Mapping, RunValue
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid
from pumphouse.mapping.declarations import quoted
from pumphouse.mapping.values import check

MAX_INPUTS_BYTES = 65_536
"""Of the JSON of all values that one trigger gives."""

Given = EndpointValue | RunValue


@dataclass(frozen=True)
class Admitted:
    """What the mapping uses of what a caller gave, by the caller's names."""

    inputs: dict[str, Any]
    files: dict[str, Reference]


def admit(
    pipeline: Pipeline,
    mapping: Mapping,
    given: dict[str, Any],
    files: dict[str, Reference] | None = None,
) -> Admitted:
    """The values and files that the mapping uses; others are left out.

    mapping: complete. files: None when the caller has no way to send any. An explicit None counts
    as given, but a file of the same name goes before it. Raises Invalid with every fault at once:
    what is required is missing, a value is of the wrong type or stands for a file, a file for a
    value, or all values together are too large.
    """
    takers = _takers(pipeline, mapping)
    sent = {} if files is None else files
    missing = {
        source.name: declaration
        for declaration, source in takers
        if source.name not in given and source.name not in sent and _is_needed(declaration, source)
    }
    faults = {
        f"Input {source.name!r}{fault}.": None
        for declaration, source in takers
        if (fault := _fault(declaration, source.name, given, files)) is not None
    }
    if missing:
        faults |= dict.fromkeys(_missing_faults(missing, can_send_files=files is not None))
    if faults:
        raise Invalid(" ".join(faults))
    names = [source.name for _, source in takers]
    used = {name: given[name] for name in names if name in given and name not in sent}
    _check_size(used)
    return Admitted(inputs=used, files={name: sent[name] for name in names if name in sent})


def _takers(pipeline: Pipeline, mapping: Mapping) -> list[tuple[PipelineInput, Given]]:
    declared = {item.name: item for item in pipeline.inputs}
    return [
        (declared[item.input], item.source)
        for item in mapping.inputs
        if isinstance(item.source, EndpointValue | RunValue)
    ]


def _is_needed(declaration: PipelineInput, source: Given) -> bool:
    is_required = declaration.is_required
    has_default = declaration.default is not msgspec.UNSET
    if isinstance(source, EndpointValue):
        is_required = is_required if source.is_required is None else source.is_required
        has_default = has_default or source.default is not msgspec.UNSET
    return bool(is_required) and not has_default


def _fault(
    declaration: PipelineInput,
    name: str,
    given: dict[str, Any],
    files: dict[str, Reference] | None,
) -> str | None:
    """What is wrong with what was given under the name, to follow it."""
    is_file = declaration.data_type is DataType.FILE
    if files is not None and name in files:
        return None if is_file else f" is of type {declaration.data_type}: send a value, not a file"
    if is_file:
        if given.get(name) is None:
            return None
        return _UNSENDABLE if files is None else " is a file: send it as a file"
    try:
        check(declaration.data_type, given.get(name))
    except Invalid as error:
        return f": {error.message}"
    return None


_UNSENDABLE = " is a file, which a message cannot carry: map the input to a path of the data store"


def _missing_faults(missing: dict[str, PipelineInput], *, can_send_files: bool) -> Iterable[str]:
    unsendable = [
        name
        for name, declaration in missing.items()
        if declaration.data_type is DataType.FILE and not can_send_files
    ]
    yield from (f"Input {name!r}{_UNSENDABLE}." for name in unsendable)
    named = ", ".join(
        f"{name!r} ({declaration.data_type})"
        for name, declaration in missing.items()
        if name not in unsendable
    )
    if named:
        plural = "s" if len(missing) - len(unsendable) > 1 else ""
        yield f"Give the required input{plural} {named}."


def _check_size(used: dict[str, Any]) -> None:
    size = len(msgspec.json.encode(used))
    if size > MAX_INPUTS_BYTES:
        raise Invalid(
            f"The inputs {quoted(used)} are {size:,} bytes of JSON together; at most"
            f" {MAX_INPUTS_BYTES:,} are allowed."
        )
