"""From the body that creates a deployment to the deployment."""

import secrets
from datetime import datetime
from typing import Annotated

import msgspec
import uuid_utils

from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.vocabulary import DeploymentStatus, Mode, Rule
from pumphouse.errors import Invalid, NotSupported
from pumphouse.gateway.mappings import InputItem, OutputItem, read_mapping
from pumphouse.gateway.names import (
    EndpointTokenText,
    Name,
    Text,
    check_endpoint_path,
    check_endpoint_token,
    check_name,
    check_text,
)
from pumphouse.mapping import bytes_of, check_schedule, complete
from pumphouse.sealing import Sealer

MAX_TIMEOUT_S = 30 * 24 * 3600

DEFAULT_AT_ONCE = 6
MAX_AT_ONCE = 1000
"""Executions side by side in one pod; each may be a thread."""

MAX_REPLICAS = 32
"""Pods of one deployment, which are processes of one executor."""

LEAST_MEMORY = 16 << 20
"""Bytes in which an interpreter can start."""

_RAM = "^((1[6-9]|[2-9][0-9]|[1-9][0-9]{2,5})MiB|[1-9][0-9]{0,5}GiB)$"

Ram = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": _RAM})]
TimeoutSeconds = Annotated[
    int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": MAX_TIMEOUT_S})
]
AtOnce = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": MAX_AT_ONCE})]
Replicas = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": MAX_REPLICAS})]


class DeploymentOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The body; which rule is meant stands in the address."""

    pipeline_name: Name
    name: Name
    mode: Mode = Mode.ELASTIC
    description: Text | None = None
    enable_parallel_executions: bool | None = None
    max_parallel_executions_per_pod: AtOnce | None = None
    replicas: Replicas | None = None
    ram_request: Ram | None = None
    gpu_request: int | None = None
    execution_timeout_s: TimeoutSeconds | None = None
    schedule: str | None = None
    endpoint_url_path: Name | None = None
    endpoint_token: EndpointTokenText | None = None
    inputs_mapping: list[InputItem] | None = None
    outputs_mapping: list[OutputItem] | None = None


def check_order(order: DeploymentOrder, rule: Rule) -> None:
    """Raise Invalid or NotSupported for what no pipeline could make right."""
    check_name(order.name, "The deployment name")
    check_text(order.description, "description")
    _check_parallel(order)
    _check_replicas(order)
    _check_resources(order)
    if rule is Rule.PERIODIC:
        if order.endpoint_url_path is not None or order.endpoint_token is not None:
            raise Invalid(
                "endpoint_url_path and endpoint_token belong to the execution rule 'endpoint'."
            )
        if order.schedule is None:
            raise Invalid("schedule is missing: write five fields, as in '0 9 * * 1-5'.")
        check_schedule(order.schedule)
        return
    if order.schedule is not None:
        raise Invalid("schedule belongs to the execution rule 'periodic'.")
    check_endpoint_path(order.name if order.endpoint_url_path is None else order.endpoint_url_path)
    if order.endpoint_token is not None:
        check_endpoint_token(order.endpoint_token)


def deployment_for(
    order: DeploymentOrder,
    rule: Rule,
    pipeline: Pipeline,
    sealer: Sealer,
    user_id: str,
    now: datetime,
) -> Deployment:
    """The deployment that a checked order makes of a pipeline.

    Raises Invalid when its mode or its mapping does not fit the pipeline.
    """
    if pipeline.code.dockerfile is not None and order.mode is Mode.LOW_LATENCY:
        raise Invalid(
            f"Pipeline {pipeline.name!r} has a Dockerfile, so it is deployed in the mode 'elastic'"
            " only: each execution is a container of its own."
        )
    mapping = complete(pipeline, rule, read_mapping(order.inputs_mapping, order.outputs_mapping))
    is_elastic = order.mode is Mode.ELASTIC
    deployment = Deployment(
        id=str(uuid_utils.uuid7()),
        name=order.name,
        pipeline_id=pipeline.id,
        rule=rule,
        mode=order.mode,
        mapping=mapping,
        status=DeploymentStatus.UP if is_elastic else DeploymentStatus.PENDING,
        description=order.description,
        schedule=order.schedule,
        enable_parallel_executions=bool(order.enable_parallel_executions),
        max_parallel_executions_per_pod=_at_once(order),
        replicas=order.replicas or 1,
        ram_request=order.ram_request,
        execution_timeout_s=order.execution_timeout_s,
        created_at=now,
        created_by=user_id,
        updated_at=now,
        updated_by=user_id,
    )
    if rule is Rule.PERIODIC:
        return deployment
    return msgspec.structs.replace(
        with_token(deployment, order.endpoint_token or new_endpoint_token(), sealer),
        endpoint_url_path=order.endpoint_url_path or order.name,
    )


def with_token(deployment: Deployment, token: str, sealer: Sealer) -> Deployment:
    """The deployment with another endpoint token."""
    return msgspec.structs.replace(
        deployment,
        endpoint_token=sealer.seal(token),
        endpoint_token_fingerprint=sealer.fingerprint(token),
    )


def new_endpoint_token() -> str:
    return secrets.token_urlsafe(32)


def _at_once(order: DeploymentOrder) -> int | None:
    if not order.enable_parallel_executions:
        return None
    return order.max_parallel_executions_per_pod or DEFAULT_AT_ONCE


def _check_parallel(order: DeploymentOrder) -> None:
    most = order.max_parallel_executions_per_pod
    if order.enable_parallel_executions and order.mode is not Mode.LOW_LATENCY:
        raise Invalid(
            "enable_parallel_executions belongs to the mode 'low_latency': executions of an elastic"
            " deployment are in processes of their own, and always run in parallel."
        )
    if most is not None and not order.enable_parallel_executions:
        raise Invalid("max_parallel_executions_per_pod goes with enable_parallel_executions only.")
    if most is not None and not 1 <= most <= MAX_AT_ONCE:
        raise Invalid(f"max_parallel_executions_per_pod must be between 1 and {MAX_AT_ONCE:,}.")


def _check_replicas(order: DeploymentOrder) -> None:
    if order.replicas is None:
        return
    if order.mode is not Mode.LOW_LATENCY:
        raise Invalid(
            "replicas belongs to the mode 'low_latency': an elastic deployment has no pods, and as"
            " many processes as it has executions."
        )
    if not 1 <= order.replicas <= MAX_REPLICAS:
        raise Invalid(f"replicas must be between 1 and {MAX_REPLICAS}.")


def _check_resources(order: DeploymentOrder) -> None:
    if order.gpu_request:
        raise NotSupported("This installation has no GPU: leave gpu_request out.")
    if order.ram_request is not None:
        _check_memory(order.ram_request)
    timeout = order.execution_timeout_s
    if timeout is not None and not 1 <= timeout <= MAX_TIMEOUT_S:
        raise Invalid(f"execution_timeout_s must be between 1 and {MAX_TIMEOUT_S:,}.")


def _check_memory(text: str) -> None:
    try:
        size = bytes_of(text)
    except Invalid as error:
        raise Invalid(f"ram_request: {error.message}.") from error
    if size < LEAST_MEMORY:
        raise Invalid(f"ram_request must be {LEAST_MEMORY >> 20}MiB or more: it is a limit.")
