# Generated from pumphouse/sdk/aio/templates.py by `make sdk`: change that file instead.
"""Pipelines that the installation has ready."""

from typing import cast

from pumphouse.sdk.results import PipelineTemplate, PipelineTemplateSummary
from pumphouse.sdk.sync.transport import Connected


class Templates(Connected):
    def list_pipeline_templates(self) -> list[PipelineTemplateSummary]:
        """What create_pipeline takes as pipeline_template_name."""
        found = self._transport.call("GET", "pipeline-templates")
        return cast(list[PipelineTemplateSummary], found["pipeline_templates"])

    def get_pipeline_template(self, pipeline_template_name: str) -> PipelineTemplate:
        """A template with its inputs, outputs and the mappings that suit them. Raises NotFound."""
        found = self._transport.call("GET", "pipeline-templates", pipeline_template_name)
        return cast(PipelineTemplate, found)
