"""From the mapping that a user writes to the complete one that a deployment or a run has."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from pumphouse.contracts.catalog import Pipeline, PipelineInput, PipelineOutput
from pumphouse.contracts.mappings import (
    AnyDestination,
    AnySource,
    Constant,
    Destination,
    Dropped,
    EndpointOutput,
    EndpointValue,
    EnvironmentVariable,
    FileTarget,
    InputMapping,
    Mapping,
    NullValue,
    OutputMapping,
    RunOutput,
    RunValue,
    Source,
    StoredFile,
)
from pumphouse.contracts.vocabulary import DataType, Rule
from pumphouse.errors import Invalid
from pumphouse.mapping.collisions import collision_faults
from pumphouse.mapping.declarations import check_size_of_defaults, name_fault, quoted
from pumphouse.mapping.paths import clean_path, clean_target
from pumphouse.mapping.values import check

_EVERYWHERE: tuple[type[Source], ...] = (Constant, EnvironmentVariable, StoredFile, NullValue)

_SOURCES: dict[Rule | None, tuple[type[Source], ...]] = {
    None: (*_EVERYWHERE, RunValue),
    Rule.ENDPOINT: (*_EVERYWHERE, EndpointValue),
    Rule.PERIODIC: _EVERYWHERE,
}

_DESTINATIONS: dict[Rule | None, tuple[type[Destination], ...]] = {
    None: (FileTarget, Dropped, RunOutput),
    Rule.ENDPOINT: (FileTarget, Dropped, EndpointOutput),
    Rule.PERIODIC: (FileTarget, Dropped),
}

_TRIGGER = {
    None: "a run",
    Rule.ENDPOINT: "an endpoint deployment",
    Rule.PERIODIC: "a periodic deployment",
}

_WORDS: dict[type[Source] | type[Destination], str] = {
    Constant: "a constant",
    EndpointValue: "an endpoint input",
    EnvironmentVariable: "an environment variable",
    StoredFile: "a file of the data store",
    NullValue: "null",
    RunValue: "an input of the run",
    EndpointOutput: "an endpoint output",
    FileTarget: "a file of the data store",
    Dropped: "null",
    RunOutput: "an output of the run",
}


def complete(pipeline: Pipeline, rule: Rule | None, mapping: Mapping) -> Mapping:
    """The mapping with every input and output of the pipeline once, in the pipeline's order.

    rule: None for a run. What is not mapped becomes an endpoint or run value of the same name,
    and paths of the data store become keys. Raises Invalid with every fault at once; a periodic
    deployment must map everything itself.
    """
    sources = {item.input: _cleaned_source(item.source) for item in mapping.inputs}
    destinations = {item.output: _cleaned_destination(item.destination) for item in mapping.outputs}
    completed = Mapping(
        inputs=tuple(
            InputMapping(input=i.name, source=sources.get(i.name) or _own_source(i.name, rule))
            for i in pipeline.inputs
        ),
        outputs=tuple(
            OutputMapping(
                output=o.name,
                destination=destinations.get(o.name) or _own_destination(o.name, rule),
            )
            for o in pipeline.outputs
        ),
    )
    faults = [
        *_naming_faults("input", pipeline.inputs, [item.input for item in mapping.inputs]),
        *_naming_faults("output", pipeline.outputs, [item.output for item in mapping.outputs]),
        *_misfits(pipeline, rule, sources, destinations),
        *(_missing_faults(pipeline, sources, destinations) if rule is Rule.PERIODIC else []),
        *collision_faults(pipeline, completed),
    ]
    if faults:
        raise Invalid(" ".join(faults))
    check_size_of_defaults(
        {
            item.input: item.source.default
            for item in completed.inputs
            if isinstance(item.source, EndpointValue)
        }
    )
    return completed


def _misfits(
    pipeline: Pipeline,
    rule: Rule | None,
    sources: dict[str, AnySource],
    destinations: dict[str, AnyDestination],
) -> list[str]:
    return [
        *(
            f"Input {item.name!r}: {fault}."
            for item in pipeline.inputs
            if item.name in sources
            for fault in _source_faults(item, rule, sources[item.name])
        ),
        *(
            f"Output {item.name!r}: {fault}."
            for item in pipeline.outputs
            if item.name in destinations
            for fault in _destination_faults(item, rule, destinations[item.name])
        ),
    ]


def _cleaned_source(source: AnySource) -> AnySource:
    """With its path as a key; as it is when it has none, or one that cannot be used."""
    if isinstance(source, StoredFile):
        with suppress(Invalid):
            return StoredFile(path=clean_path(source.path))
    return source


def _cleaned_destination(destination: AnyDestination) -> AnyDestination:
    if isinstance(destination, FileTarget):
        with suppress(Invalid):
            return FileTarget(path=clean_target(destination.path))
    return destination


def _own_source(name: str, rule: Rule | None) -> AnySource:
    return RunValue(name=name) if rule is None else EndpointValue(name=name)


def _own_destination(name: str, rule: Rule | None) -> AnyDestination:
    return RunOutput(name=name) if rule is None else EndpointOutput(name=name)


def _naming_faults(
    kind: str, declared: Sequence[PipelineInput | PipelineOutput], mapped: list[str]
) -> list[str]:
    names = [item.name for item in declared]
    counts = Counter(mapped)
    has = f"it has {quoted(names)}" if names else "it has none"
    return [
        *(
            f"The pipeline has no {kind} {name!r}: {has}."
            for name in sorted(counts.keys() - set(names))
        ),
        *(
            f"{kind.capitalize()} {name!r} is mapped {count} times: map it once."
            for name, count in sorted(counts.items())
            if count > 1
        ),
    ]


def _source_faults(item: PipelineInput, rule: Rule | None, source: AnySource) -> list[str]:
    if not isinstance(source, _SOURCES[rule]):
        return [f"{_WORDS[type(source)]} cannot be the source in {_TRIGGER[rule]}"]
    match source:
        case Constant() | EnvironmentVariable() if item.data_type is DataType.FILE:
            return [f"{_WORDS[type(source)]} cannot be the source of a file"]
        case StoredFile() if item.data_type is not DataType.FILE:
            return [f"it is of type {item.data_type}, and the data store holds files"]
        case StoredFile(path=path):
            return _path_faults(clean_path, path)
        case Constant(value=value):
            return _value_faults(item, value, "constant value")
        case EndpointValue(name=name, default=default):
            return [*_name_faults(name), *_value_faults(item, default, "default value")]
        case EnvironmentVariable(name=name) | RunValue(name=name):
            return _name_faults(name)
        case _:
            return []


def _destination_faults(
    item: PipelineOutput, rule: Rule | None, destination: AnyDestination
) -> list[str]:
    if not isinstance(destination, _DESTINATIONS[rule]):
        return [f"{_WORDS[type(destination)]} cannot be the destination in {_TRIGGER[rule]}"]
    match destination:
        case FileTarget() if item.data_type is not DataType.FILE:
            return [f"it is of type {item.data_type}, and the data store holds files"]
        case FileTarget(path=path):
            return _path_faults(clean_target, path)
        case EndpointOutput(name=name) | RunOutput(name=name):
            return _name_faults(name)
        case _:
            return []


def _name_faults(name: str) -> list[str]:
    return [] if (fault := name_fault(name)) is None else [f"{name!r}: {fault}"]


def _path_faults(clean: Callable[[str], str], path: str) -> list[str]:
    try:
        clean(path)
    except Invalid as error:
        return [error.message]
    return []


def _value_faults(item: PipelineInput, value: object, role: str) -> list[str]:
    if value is msgspec.UNSET:
        return []
    if item.data_type is DataType.FILE:
        return [f"a file has no {role}"]
    try:
        check(item.data_type, value)
    except Invalid as error:
        return [f"{role}: {error.message}"]
    return []


def _missing_faults(
    pipeline: Pipeline,
    sources: dict[str, AnySource],
    destinations: dict[str, AnyDestination],
) -> list[str]:
    missing = [
        *(f"input {i.name!r}" for i in pipeline.inputs if i.name not in sources),
        *(f"output {o.name!r}" for o in pipeline.outputs if o.name not in destinations),
    ]
    if not missing:
        return []
    return [
        "A periodic deployment needs a source for every input and a destination for every output:"
        f" map {', '.join(missing)}."
    ]
