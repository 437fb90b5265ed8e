"""Pipelines that the installation has ready."""

from typing import cast

from pumphouse.sdk.aio.transport import Connected
from pumphouse.sdk.results import PipelineTemplate, PipelineTemplateSummary


class Templates(Connected):
    async def list_pipeline_templates(self) -> list[PipelineTemplateSummary]:
        """What create_pipeline takes as pipeline_template_name."""
        found = await self._transport.call("GET", "pipeline-templates")
        return cast(list[PipelineTemplateSummary], found["pipeline_templates"])

    async def get_pipeline_template(self, pipeline_template_name: str) -> PipelineTemplate:
        """A template with its inputs, outputs and the mappings that suit them. Raises NotFound."""
        found = await self._transport.call("GET", "pipeline-templates", pipeline_template_name)
        return cast(PipelineTemplate, found)
