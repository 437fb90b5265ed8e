"""Leading fuzzed requests to what there is, and keeping it there."""

from typing import Any

import schemathesis

from pumphouse.gateway.bodies import MULTIPART, URLENCODED
from pumphouse.gateway.openapi import ACCESS_TOKEN, API_PREFIX
from tests.fuzz import stage as on_stage
from tests.fuzz.stage import Stage

Case = schemathesis.Case[Any]

SPARE = {
    "delete_pipeline": on_stage.SPARE_PIPELINE,
    "delete_deployment": on_stage.SPARE_ENDPOINT,
    "update_deployment": on_stage.SPARE_ENDPOINT,
    "generate_new_endpoint_token": on_stage.SPARE_ENDPOINT,
}
"""What operations that destroy are aimed at."""

_FORMS = (URLENCODED, MULTIPART)


def operation_of(case: Case) -> str:
    return str(case.operation.definition.raw["operationId"])


def aim(case: Case, stage: Stage, to_success: bool) -> None:
    """Put what there is into a request. to_success: of executions, one that has succeeded."""
    known = _in_address(case, stage, to_success)
    for given in (case.path_parameters, case.query):
        given.update({name: known[name] for name in given if name in known})
    if not isinstance(case.body, dict):
        return
    if case.media_type in _FORMS:
        case.body = {k: v for k, v in case.body.items() if isinstance(v, str | int | float)}
    members = _in_body(case, stage)
    case.body = {**case.body, **{k: v for k, v in members.items() if v is not None}}
    for name in (name for name, value in members.items() if value is None):
        case.body.pop(name, None)


def tame(case: Case) -> None:
    """Keep a request from starting processes that stay."""
    if isinstance(case.body, dict) and case.body.get("mode") == "low_latency":
        case.body["mode"] = "elastic"


def headers_of(case: Case) -> dict[str, str]:
    """What opens the operation, but for users."""
    return {"Authorization": f"EndpointToken {on_stage.ENDPOINT_TOKEN}"} if is_public(case) else {}


def is_public(case: Case) -> bool:
    return {ACCESS_TOKEN: []} not in case.operation.definition.raw["security"]


def repair(case: Case, answer: schemathesis.Response, stage: Stage) -> None:
    """Make again what a request has destroyed."""
    if answer.status_code >= 300:
        return
    match operation_of(case):
        case "delete_pipeline":
            if answer.json()["pipeline"]["name"] == on_stage.SPARE_PIPELINE:
                stage.make_pipeline(on_stage.SPARE_PIPELINE)
        case "delete_deployment":
            if answer.json()["name"] == on_stage.SPARE_ENDPOINT:
                stage.make_endpoint(on_stage.SPARE_ENDPOINT)
        case "delete_environment_variable":
            stage.make_variable()
        case "delete_data_store_object":
            stage.make_object(on_stage.SPARE_OBJECT)
        case "delete_pipeline_execution":
            stage.executions[-1] = stage.run(1)
        case "end_multipart_upload":
            stage.begin_upload()
        case "regenerate_sdk_token":
            stage.sign_in(answer.json()["sdk_token"])


def _in_address(case: Case, stage: Stage, to_success: bool) -> dict[str, str]:
    """By names of parameters."""
    operation = operation_of(case)
    executions = stage.calls if case.path.startswith("/endpoints/") else stage.executions
    is_deletion = operation == "delete_pipeline_execution"
    names = {
        "pipelines": on_stage.PIPELINE,
        "deployments": on_stage.ENDPOINT,
        "environment-variables": on_stage.VARIABLE,
        "metrics": on_stage.METRIC,
        "pipeline-templates": stage.template,
    }
    below = case.path.removeprefix(API_PREFIX).split("/")[1]
    return {
        "name": SPARE.get(operation, names.get(below, "report")),
        "path": on_stage.ENDPOINT,
        "execution_id": executions[-1 if to_success or is_deletion else 0],
        "user_id": stage.user_id,
        "environment_id": stage.environment_id,
        "output_name": "report" if to_success else "twice",
        "input_name": "number",
        "filters[name]": on_stage.METRIC,
        "path_to_object": on_stage.OBJECT,
    }


def _in_body(case: Case, stage: Stage) -> dict[str, Any]:
    """By names of members; None for one that must not be there."""
    operation = operation_of(case)
    mappings = {"inputs_mapping": None, "outputs_mapping": None}
    order = {
        "pipeline_name": on_stage.PIPELINE,
        "max_parallel_executions_per_pod": None,
        "enable_parallel_executions": None,
        "replicas": None,
        "gpu_request": None,
    }
    match operation:
        case "refresh_access_token":
            return {"refresh_token": stage.sdk_token}
        case "create_endpoint":
            return {**order, **mappings, "name": stage.new_name(), "schedule": None}
        case "create_periodic_deployment":
            return {
                **order,
                "name": stage.new_name(),
                "endpoint_url_path": None,
                "endpoint_token": None,
                "schedule": "0 0 29 2 *",
                "inputs_mapping": [
                    {"pipeline_input_name": name, "is_null": True} for name in ("number", "text")
                ],
                "outputs_mapping": [
                    {"pipeline_output_name": name, "is_null": True} for name in ("twice", "report")
                ],
            }
        case "update_deployment":
            return {**mappings, "schedule": None}
        case "create_pipeline" if case.media_type == MULTIPART:
            return {**on_stage.DECLARED, "step_file": on_stage.archive()}
        case "run_pipeline":
            return {**mappings, "json_inputs": '{"number": 2}'}
        case "delete_data_store_object":
            return {"path_to_object": on_stage.SPARE_OBJECT}
        case "end_multipart_upload":
            upload = {"multipart_upload_configuration": stage.upload}
            return {**upload, "path_to_object": on_stage.OBJECT, "parts": [{"number": 1}]}
        case "announce_upload_part":
            upload = {"multipart_upload_configuration": stage.upload}
            return {**upload, "path_to_object": on_stage.OBJECT, "chunk_size": 7, "size": 7}
        case "record_metric_value" | "record_list_metric_values":
            return {"execution_id": stage.executions[-1]}
        case "download_data_store_object" | "get_data_store_object_information":
            return {"path_to_object": on_stage.OBJECT}
        case _:
            return {}
