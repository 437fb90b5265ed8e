"""Routes that show which templates pipelines can be created from."""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.contracts.mappings import Mapping
from pumphouse.contracts.vocabulary import DataType
from pumphouse.gateway.answers import json_answer
from pumphouse.gateway.described import Parameter, described
from pumphouse.gateway.mapping_views import (
    ShownDestination,
    ShownSource,
    destination_keys,
    source_keys,
)
from pumphouse.gateway.mappings import kind_of, read_mapping
from pumphouse.gateway.names import Name
from pumphouse.gateway.offered_templates import OfferedTemplates
from pumphouse.gateway.pipeline_views import (
    ShownInput,
    ShownOutput,
    show_declared_input,
    show_declared_output,
)
from pumphouse.gateway.sharing import Shared
from pumphouse.gateway.templates import Declaration

_TAG = "Pipeline templates"


class ListedTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A template as lists show it. enabled: whether pipelines can be created from it."""

    name: str
    version: str
    enabled: bool
    display_name: str
    description: str
    hosting_type: Literal["self-hosted", "private-api"]
    model_family: str


class RecommendedInput(ShownSource, frozen=True, kw_only=True):
    """A source for an input of a deployment. value: what the key of that source has."""

    pipeline_input_name: str
    data_type: DataType
    source: str
    value: Any


class RecommendedOutput(ShownDestination, frozen=True, kw_only=True):
    """A destination for an output of a deployment. value: what its key has."""

    pipeline_output_name: str
    data_type: DataType
    destination: str
    value: Any


class ShownTemplate(ListedTemplate, frozen=True, kw_only=True):
    """A template, with what a pipeline from it declares and how to deploy that as an endpoint."""

    inputs: list[ShownInput]
    outputs: list[ShownOutput]
    recommended_inputs_mapping: list[RecommendedInput]
    recommended_outputs_mapping: list[RecommendedOutput]


class ListedTemplates(msgspec.Struct, frozen=True):
    pipeline_templates: list[ListedTemplate]


@dataclass(frozen=True)
class PipelineTemplateRoutes(Shared):
    templates: OfferedTemplates

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        return [
            get("/pipeline-templates")(self.show_all),
            get("/pipeline-templates/{name:str}")(self.show),
        ]

    @described(
        "list_pipeline_templates",
        "List what pipelines can be created from",
        tag=_TAG,
        answers=ListedTemplates,
    )
    async def show_all(self) -> Response[bytes]:
        shipped = self.templates.shipped.values()
        listed = [ListedTemplate(**self._head(one.declaration)) for one in shipped]
        return json_answer(ListedTemplates(listed))

    @described(
        "get_pipeline_template",
        "Show a template",
        tag=_TAG,
        path=(Parameter("name", "Name of the template.", Name),),
        answers=ShownTemplate,
    )
    async def show(self, name: FromPath[str]) -> Response[bytes]:
        declaration = self.templates.find(name).declaration
        mapping = read_mapping(
            declaration.recommended_inputs_mapping, declaration.recommended_outputs_mapping
        )
        shown = ShownTemplate(
            **self._head(declaration),
            inputs=[show_declared_input(item) for item in declaration.inputs],
            outputs=[show_declared_output(item) for item in declaration.outputs],
            recommended_inputs_mapping=_inputs(declaration, mapping),
            recommended_outputs_mapping=_outputs(declaration, mapping),
        )
        return json_answer(shown)

    def _head(self, declaration: Declaration) -> dict[str, Any]:
        """The fields of a ListedTemplate."""
        enabled = declaration.name not in self.templates.disabled
        others = (name for name in ListedTemplate.__struct_fields__ if name != "enabled")
        return {"enabled": enabled} | {name: getattr(declaration, name) for name in others}


def _inputs(declaration: Declaration, mapping: Mapping) -> list[RecommendedInput]:
    types = {item.name: item.data_type for item in declaration.inputs}
    return [
        RecommendedInput(
            pipeline_input_name=item.input,
            data_type=types[item.input],
            source=kind_of(item.source),
            value=next(iter(keys.values())),
            **keys,
        )
        for item in mapping.inputs
        for keys in [source_keys(item.source)]
    ]


def _outputs(declaration: Declaration, mapping: Mapping) -> list[RecommendedOutput]:
    types = {item.name: item.data_type for item in declaration.outputs}
    return [
        RecommendedOutput(
            pipeline_output_name=item.output,
            data_type=types[item.output],
            destination=kind_of(item.destination),
            value=next(iter(keys.values())),
            **keys,
        )
        for item in mapping.outputs
        for keys in [destination_keys(item.destination)]
    ]
