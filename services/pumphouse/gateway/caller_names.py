"""Inputs and outputs of an endpoint by the names that its callers know."""

from collections.abc import Iterable

from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.executions import ProducedOutput
from pumphouse.contracts.mappings import EndpointOutput, EndpointValue
from pumphouse.contracts.vocabulary import DataType


def exposed_outputs(outputs: Iterable[ProducedOutput]) -> dict[str, ProducedOutput]:
    """The outputs that callers get."""
    return {
        item.destination.name: item
        for item in outputs
        if isinstance(item.destination, EndpointOutput)
    }


def caller_types(deployment: Deployment, pipeline: Pipeline) -> dict[str, DataType]:
    """The types of the inputs that callers give."""
    types = {item.name: item.data_type for item in pipeline.inputs}
    return {
        item.source.name: types[item.input]
        for item in deployment.mapping.inputs
        if isinstance(item.source, EndpointValue)
    }
