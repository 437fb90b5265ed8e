"""Templates and the pipelines that are created from them, over HTTP."""

from typing import Any

import httpx
import pytest

from pumphouse.gateway.templates import shipped_templates
from tests.integration.gateway.conftest import Gateway, serving_gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEMPLATES = "/api/v1/pipeline-templates"
SHIPPED = shipped_templates()

HEAD = {
    "name",
    "version",
    "enabled",
    "display_name",
    "description",
    "hosting_type",
    "model_family",
}


async def create(gateway: Gateway, **wish: Any) -> httpx.Response:
    whole = {"pipeline_name": "mine", "pipeline_template_name": "table-summary", **wish}
    return await gateway.http.post("/api/v1/pipelines", json=whole)


async def test_templates_are_listed(gateway: Gateway) -> None:
    listed = (await gateway.http.get(TEMPLATES)).json()["pipeline_templates"]

    assert [one["name"] for one in listed] == list(SHIPPED)
    assert all(one.keys() == HEAD and one["enabled"] for one in listed)
    assert {one["hosting_type"] for one in listed} == {"self-hosted", "private-api"}


async def test_a_template_is_shown_with_its_recommended_mapping(gateway: Gateway) -> None:
    shown = (await gateway.http.get(f"{TEMPLATES}/chat-completion")).json()

    assert shown.keys() == HEAD | {
        "inputs",
        "outputs",
        "recommended_inputs_mapping",
        "recommended_outputs_mapping",
    }
    assert shown["inputs"][2]["default_value"] == 0.7
    assert shown["recommended_inputs_mapping"][2:] == [
        {
            "pipeline_input_name": "temperature",
            "data_type": "number",
            "source": "endpoint",
            "endpoint_input_name": "temperature",
            "default_value": 0.7,
            "value": "temperature",
        },
        {
            "pipeline_input_name": "model",
            "data_type": "string",
            "source": "environment_variable",
            "environment_variable_name": "CHAT_MODEL",
            "value": "CHAT_MODEL",
        },
    ]
    assert shown["recommended_outputs_mapping"] == [
        {
            "pipeline_output_name": "choices",
            "data_type": "array",
            "destination": "endpoint",
            "endpoint_output_name": "choices",
            "value": "choices",
        }
    ]


async def test_a_pipeline_is_created_from_a_template(gateway: Gateway) -> None:
    created = await create(gateway)

    shown = (await gateway.http.get("/api/v1/pipelines/mine")).json()
    assert created.status_code == 201
    assert created.json() == shown
    assert shown["creation_info"]["status"] == "ready"
    assert shown["creation_info"]["pipeline_template"]["name"] == "table-summary"
    key = f"pipelines/{shown['creation_info']['id']}/code.tgz"
    assert await gateway.stored() == [key]


async def test_the_code_of_a_pipeline_from_a_template_can_be_read(gateway: Gateway) -> None:
    await create(gateway)

    url = (await gateway.http.get("/api/v1/pipelines/mine/download")).json()["signed_url"]

    assert (await gateway.plain.get(url)).content == SHIPPED["table-summary"].archive


async def test_a_pipeline_from_a_folder_is_from_no_template(gateway: Gateway) -> None:
    created = await gateway.pipeline()

    assert created.json()["creation_info"]["pipeline_template"] is None


@pytest.mark.parametrize(
    ("wish", "status", "named"),
    [
        ({"pipeline_template_name": "tables"}, 404, "table-summary"),
        ({"pipeline_template_name": None}, 400, "pipeline_template_name"),
        ({"pipeline_name": "a/b"}, 400, "'a/b'"),
        ({"function_path": "main.py"}, 400, "function_path"),
    ],
)
async def test_what_cannot_be_created_from_a_template_is_refused(
    gateway: Gateway, wish: dict[str, Any], status: int, named: str
) -> None:
    answer = await create(gateway, **wish)

    assert answer.status_code == status
    assert named in answer.json()["message"]
    assert await gateway.stored() == []


async def test_a_name_that_is_taken_is_refused_and_leaves_no_code_behind(gateway: Gateway) -> None:
    await create(gateway)
    stored = await gateway.stored()

    assert (await create(gateway)).status_code == 409
    assert await gateway.stored() == stored


async def test_an_unknown_template_is_not_found(gateway: Gateway) -> None:
    answer = await gateway.http.get(f"{TEMPLATES}/tables")

    assert answer.status_code == 404
    assert "table-summary" in answer.json()["message"]


async def test_a_disabled_template_is_listed_and_not_used(store_url: str) -> None:
    async with serving_gateway(store_url, disabled_templates=("table-summary",)) as gateway:
        listed = (await gateway.http.get(TEMPLATES)).json()["pipeline_templates"]
        refused = await create(gateway)

    assert {one["name"] for one in listed if not one["enabled"]} == {"table-summary"}
    assert refused.status_code == 409
    assert "disabled" in refused.json()["message"]
