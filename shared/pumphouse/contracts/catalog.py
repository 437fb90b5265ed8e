"""What is defined on the platform, and how every service keeps a copy of it.

The registry numbers every change of a definition. A service that holds revision N has seen the
changes 1 to N and no other; it asks for what it lacks with CatalogRequested.
"""

from datetime import datetime
from typing import Any

import msgspec

from pumphouse.contracts.mappings import Mapping
from pumphouse.contracts.message import Message, Request
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import (
    DataType,
    DeploymentStatus,
    Mode,
    PipelineStatus,
    Rule,
)


class PipelineInput(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    data_type: DataType
    description: str | None = None
    is_required: bool | None = None
    default: Any = msgspec.UNSET


class PipelineOutput(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    data_type: DataType
    description: str | None = None


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A runtime environment, the same on every executor that builds it.

    id: hash of the Python version and of the locked requirements. python: `3.X`.
    lock: requirements with exact versions and hashes, one per line as pip reads them; None when
    nothing is installed.
    """

    id: str
    python: str
    lock: Reference | None = None


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Where the function of a pipeline is found, or what its container is built from.

    archive: key of a gzip tar in the platform's bucket; its content never changes under one key.
    function_path: file inside the archive, `/`-separated; function_name: a callable in it.
    environment: what it runs in; None for the executor's own Python with nothing installed.
    dockerfile: file inside the archive that makes an image of it; both names of the function are
    empty then. image: the tag of that image, once it is built.
    """

    archive: str
    function_path: str
    function_name: str
    environment: Environment | None = None
    dockerfile: str | None = None
    image: str | None = None


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A shipped pipeline that others are created from, as it was when one was.

    hosting_type: `self-hosted`, or `private-api` when another service does the work.
    """

    name: str
    version: str
    display_name: str
    description: str
    hosting_type: str
    model_family: str


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A Python function with declared inputs and outputs.

    id: UUID; a name that is deleted and created again gets a new one.
    container: the `container_config` of the HTTP API as it was effective at creation; with a
    `repository_url` the code is not in the store before the pipeline is ready.
    status_message: why the status is creation_failed. created_by: user id.
    commit_id: of the repository that the code is from. deploy_key: sealed; opens that repository,
    and is there until the build ends. template: what it was created from, if anything.
    """

    id: str
    name: str
    code: Code
    description: str | None = None
    inputs: tuple[PipelineInput, ...] = ()
    outputs: tuple[PipelineOutput, ...] = ()
    container: dict[str, Any] = {}
    status: PipelineStatus = PipelineStatus.READY
    status_message: str | None = None
    commit_id: str | None = None
    deploy_key: str | None = None
    template: Template | None = None
    created_at: datetime
    created_by: str


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """A long-lived process of a low latency deployment; status `up`, `creation_failed`, …"""

    id: str
    status: DeploymentStatus


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline plus what starts it, where it runs, and its complete mapping.

    endpoint_token: sealed; endpoint_token_fingerprint: for comparing without opening.
    schedule: 5-field cron in UTC. status_message: why the status is creation_failed.
    replicas: how many pods a low latency one has.
    """

    id: str
    name: str
    pipeline_id: str
    rule: Rule
    mode: Mode
    mapping: Mapping
    is_enabled: bool = True
    status: DeploymentStatus
    status_message: str | None = None
    pods: tuple[Pod, ...] = ()
    description: str | None = None
    endpoint_url_path: str | None = None
    endpoint_token: str | None = None
    endpoint_token_fingerprint: str | None = None
    schedule: str | None = None
    enable_parallel_executions: bool = False
    max_parallel_executions_per_pod: int | None = None
    replicas: int = 1
    ram_request: str | None = None
    gpu_request: int | None = None
    execution_timeout_s: int | None = None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """An environment variable of the installation; its value is sealed."""

    name: str
    sealed: str


class CatalogChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change: exactly one of the definitions is set, or `deleted_*` names what went."""

    revision: int
    pipeline: Pipeline | None = None
    deployment: Deployment | None = None
    variable: Variable | None = None
    deleted_pipeline_id: str | None = None
    deleted_deployment_id: str | None = None
    deleted_variable: str | None = None


class CatalogChanged(Message, frozen=True, kw_only=True, tag="catalog.changed.v1"):
    """The registry has stored these changes; their revisions follow one another."""

    changes: tuple[CatalogChange, ...]


class CatalogListed(Message, frozen=True, kw_only=True, tag="catalog.listed.v1"):
    """All a holder of revision `after` lacks to be at `revision`.

    is_whole: the changes are everything there is, so that what they do not name is gone.
    """

    revision: int
    is_whole: bool = False
    changes: tuple[CatalogChange, ...] = ()


class CatalogRequested(
    Request[CatalogListed], frozen=True, kw_only=True, tag="catalog.requested.v1"
):
    """What is there beyond revision `after`? Zero asks for everything."""

    after: int
