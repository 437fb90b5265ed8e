"""Templates of pipelines."""

import pytest

from pumphouse.sdk import NotFound, PumphouseSdk
from tests.unit.sdk.fake_platform import FakePlatform, ok, refused

SUM_UP = {
    "name": "sum-up",
    "version": "1",
    "enabled": True,
    "display_name": "Sum up",
    "description": "Adds numbers",
    "hosting_type": "self-hosted",
    "model_family": "none",
}


def test_templates_are_listed(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on("GET /api/v1/pipeline-templates", ok({"pipeline_templates": [SUM_UP]}))
    assert sdk.list_pipeline_templates() == [SUM_UP]


def test_a_template_is_shown_with_its_mappings(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    whole = {**SUM_UP, "inputs": [], "outputs": [], "recommended_inputs_mapping": []}
    platform.on("GET /api/v1/pipeline-templates/sum-up", ok(whole))
    platform.on("GET /api/v1/pipeline-templates/other", refused(404))
    assert sdk.get_pipeline_template("sum-up") == whole
    with pytest.raises(NotFound):
        sdk.get_pipeline_template("other")
