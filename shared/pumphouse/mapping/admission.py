"""Which of the values that a caller gives become an execution's, and which calls are refused."""

from typing import Any

import msgspec

from pumphouse.contracts.catalog import Pipeline, PipelineInput
from pumphouse.contracts.mappings import EndpointValue, Mapping, RunValue
from pumphouse.errors import Invalid
from pumphouse.mapping.declarations import quoted
from pumphouse.mapping.values import check

MAX_INPUTS_BYTES = 65_536
"""Of the JSON of all values that one trigger gives."""


def admit(pipeline: Pipeline, mapping: Mapping, given: dict[str, Any]) -> dict[str, Any]:
    """The values that the mapping uses, by the caller's names; others are left out.

    mapping: complete. An explicit None counts as given. Raises Invalid with every fault at once:
    a required value is missing, one is of the wrong type, or all together are too large.
    """
    declared = {item.name: item for item in pipeline.inputs}
    takers = [
        (declared[item.input], item.source)
        for item in mapping.inputs
        if isinstance(item.source, EndpointValue | RunValue)
    ]
    missing = {
        source.name: declaration.data_type
        for declaration, source in takers
        if source.name not in given and _is_needed(declaration, source)
    }
    faults = {
        f"Input {source.name!r}: {fault}.": None
        for declaration, source in takers
        if source.name in given
        and (fault := _type_fault(declaration, given[source.name])) is not None
    }
    if missing:
        named = ", ".join(f"{name!r} ({data_type})" for name, data_type in missing.items())
        faults[f"Give the required input{'s'[: len(missing) > 1]} {named}."] = None
    if faults:
        raise Invalid(" ".join(faults))
    used = {source.name: given[source.name] for _, source in takers if source.name in given}
    size = len(msgspec.json.encode(used))
    if size > MAX_INPUTS_BYTES:
        raise Invalid(
            f"The inputs {quoted(used)} are {size:,} bytes of JSON together; at most"
            f" {MAX_INPUTS_BYTES:,} are allowed."
        )
    return used


def _is_needed(declaration: PipelineInput, source: EndpointValue | RunValue) -> bool:
    is_required = declaration.is_required
    has_default = declaration.default is not msgspec.UNSET
    if isinstance(source, EndpointValue):
        is_required = is_required if source.is_required is None else source.is_required
        has_default = has_default or source.default is not msgspec.UNSET
    return bool(is_required) and not has_default


def _type_fault(declaration: PipelineInput, value: Any) -> str | None:
    try:
        check(declaration.data_type, value)
    except Invalid as error:
        return error.message
    return None
