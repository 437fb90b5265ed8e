"""What the inputs and outputs of a complete mapping cannot have at the same time."""

from collections.abc import Iterable

from pumphouse.contracts.catalog import Pipeline
from pumphouse.contracts.mappings import (
    EndpointOutput,
    EndpointValue,
    FileTarget,
    Mapping,
    RunOutput,
    RunValue,
)
from pumphouse.contracts.vocabulary import DataType
from pumphouse.mapping.declarations import quoted


def collision_faults(pipeline: Pipeline, mapping: Mapping) -> list[str]:
    """Sentences that name the inputs and outputs which get in one another's way.

    Inputs may share what the caller gives when their types agree, and an endpoint takes one file
    in each call. Outputs may share neither a name nor a path.
    """
    return [*_input_faults(pipeline, mapping), *_output_faults(mapping)]


def _input_faults(pipeline: Pipeline, mapping: Mapping) -> list[str]:
    types = {item.name: item.data_type for item in pipeline.inputs}
    takers = _grouped(
        (item.source.name, item.input)
        for item in mapping.inputs
        if isinstance(item.source, EndpointValue | RunValue)
    )
    files = _grouped(
        (item.source.name, item.input)
        for item in mapping.inputs
        if isinstance(item.source, EndpointValue) and types.get(item.input) is DataType.FILE
    )
    faults = [
        f"Inputs {quoted(inputs)} are of different types, so they cannot share {name!r}."
        for name, inputs in takers.items()
        if len({types[taker] for taker in inputs}) > 1
    ]
    if len(files) > 1:
        inputs = quoted(taker for names in files.values() for taker in names)
        faults.append(
            f"An endpoint takes one file in each call, and the inputs {inputs} would be"
            f" {len(files)}: map all but one to the data store or to null, or give them the same"
            " endpoint input."
        )
    return faults


def _output_faults(mapping: Mapping) -> list[str]:
    names = _grouped(
        (item.destination.name, item.output)
        for item in mapping.outputs
        if isinstance(item.destination, EndpointOutput | RunOutput)
    )
    paths = _grouped(
        (item.destination.path, item.output)
        for item in mapping.outputs
        if isinstance(item.destination, FileTarget)
    )
    return [
        *(
            f"{len(outputs)} outputs are named {name!r}: give each a name of its own."
            for name, outputs in names.items()
            if len(outputs) > 1
        ),
        *(
            f"Outputs {quoted(outputs)} go to the same path {path!r} of the data store: give each"
            " a path of its own."
            for path, outputs in paths.items()
            if len(outputs) > 1
        ),
    ]


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, member in pairs:
        groups.setdefault(key, []).append(member)
    return groups
