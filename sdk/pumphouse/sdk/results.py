"""The shapes of what calls return. A newer platform may add keys to any of them."""

from typing import Any, NotRequired, TypedDict


class User(TypedDict):
    id: str
    name: str
    email: str


class SdkToken(TypedDict):
    sdk_token: str


class EnvironmentVariable(TypedDict):
    name: str
    value: str


class DataStoreObject(TypedDict):
    """last_modified: ISO 8601. size: text such as `1.50 KB`."""

    path: str
    last_modified: str
    size: str


class DataStoreObjectDeleted(TypedDict):
    path: str


class LogLine(TypedDict):
    """timestamp: ISO 8601, UTC."""

    timestamp: str
    message: str


class DeploymentLogLine(LogLine):
    """stream: stdout or stderr. type: deployment."""

    stream: str
    pod_id: str
    type: str


class PipelineInput(TypedDict):
    name: str
    data_type: str
    description: NotRequired[str | None]
    is_required: NotRequired[bool | None]
    default_value: NotRequired[Any]


class PipelineOutput(TypedDict):
    name: str
    data_type: str
    description: NotRequired[str | None]


class PipelineParameters(TypedDict):
    pipeline_name: str
    function_path: str | None
    function_name: str | None
    description: str | None
    inputs: list[PipelineInput]
    outputs: list[PipelineOutput]
    container_config: dict[str, Any]


class PipelineTemplateReference(TypedDict):
    """hosting_type: self-hosted or private-api."""

    name: str
    version: str
    display_name: str
    description: str
    hosting_type: str
    model_family: str


class PipelineTemplateSummary(PipelineTemplateReference):
    """enabled: whether pipelines can be created from it."""

    enabled: bool


class PipelineTemplate(PipelineTemplateSummary):
    """The items of the recommended mappings hold the key of their one source or destination."""

    inputs: list[PipelineInput]
    outputs: list[PipelineOutput]
    recommended_inputs_mapping: list[dict[str, Any]]
    recommended_outputs_mapping: list[dict[str, Any]]


class CreationInfo(TypedDict):
    """status: creation_pending, ready or creation_failed, then with the reason as message."""

    created_at: str
    created_by: str
    status: str
    status_message: NotRequired[str]
    origin: str
    commit_id: str | None
    last_execution_id: str | None
    updated_at: NotRequired[str | None]
    pipeline_template: NotRequired[PipelineTemplateReference | None]


class Pipeline(TypedDict):
    parameters: PipelineParameters
    creation_info: CreationInfo


class PipelineSummary(TypedDict):
    pipeline_name: str
    created_at: str
    status: str


class PipelineName(TypedDict):
    name: str


class DeploymentDeleted(TypedDict):
    name: str
    execution_rule: str


class PipelineDeleted(TypedDict):
    pipeline: PipelineName
    deployments: list[DeploymentDeleted]


class Pod(TypedDict):
    pod_id: str
    status: str


class Deployment(TypedDict):
    """Endpoint deployments have a token and a path, periodic ones a schedule, low latency ones
    pods. The items of the mappings hold the key of their one source or destination."""

    name: str
    mode: str
    pipeline: PipelineName
    execution_rule: str
    status: str
    is_enabled: bool
    description: str | None
    inputs_mapping: list[dict[str, Any]]
    outputs_mapping: list[dict[str, Any]]
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str
    last_execution_id: str | None
    execution_timeout_s: NotRequired[int | None]
    endpoint_token: NotRequired[str]
    endpoint_url_path: NotRequired[str]
    schedule: NotRequired[str]
    human_readable_schedule: NotRequired[str]
    pods: NotRequired[list[Pod]]
    enable_parallel_executions: NotRequired[bool]
    max_parallel_executions_per_pod: NotRequired[int]
    replicas: NotRequired[int]


class DeploymentSummary(TypedDict):
    name: str
    pipeline_name: str
    execution_rule: str
    mode: str
    is_enabled: bool
    created_at: str


class EndpointToken(TypedDict):
    endpoint_token: str


class ExecutionStarted(TypedDict):
    execution_id: str


class ExecutionOutputs(TypedDict):
    """outputs: values by output name."""

    execution_id: str
    outputs: dict[str, Any]


class ExecutionSummary(TypedDict):
    execution_id: str
    status: str
    created_at: str
    created_by: str
    end_date: str | None
    pipeline_name: str
    deployment_name: str | None


class ExecutionInput(TypedDict):
    """source: run, endpoint, constant, environment_variable, datastore or is_null; its key is
    there too."""

    pipeline_input_name: str
    data_type: str
    source: str
    value: Any
    endpoint_input_name: NotRequired[str]
    constant_value: NotRequired[Any]
    environment_variable_name: NotRequired[str]
    datastore_path: NotRequired[str]
    is_null: NotRequired[bool]


class ExecutionOutput(TypedDict):
    """destination: run, endpoint, datastore or is_null; its key is there too."""

    pipeline_output_name: str
    data_type: str
    destination: str
    value: Any
    endpoint_output_name: NotRequired[str]
    datastore_path: NotRequired[str]
    is_null: NotRequired[bool]


class Execution(ExecutionSummary):
    steps: list[dict[str, Any]]
    inputs: list[ExecutionInput]
    outputs: list[ExecutionOutput]


class Metric(TypedDict):
    name: str
    value: float
    created_at: str
    execution_id: str
    pipeline_name: str
    deployment_name: str | None


class ListMetric(TypedDict):
    name: str
    values: list[float]
    created_at: str
    execution_id: str
    pipeline_name: str
    deployment_name: str | None


class Worker(TypedDict):
    worker: str


class WorkerUsage(TypedDict):
    """values: pairs of a time, in seconds since 1970, and a number."""

    metric: Worker
    values: list[list[float]]


class Usages(TypedDict):
    """In percent of all there is; network in bytes per second."""

    cpu_usage: list[WorkerUsage]
    disk_usage: list[WorkerUsage]
    ram_usage: list[WorkerUsage]
    network_input_usage: list[WorkerUsage]
    network_output_usage: list[WorkerUsage]


class Totals(TypedDict):
    """In bytes, of all machines that have executors."""

    total_disk: int
    total_ram: int


class ResourceMetrics(TypedDict):
    additional_data: Totals
    metrics: Usages


class WorkerSummary(TypedDict):
    """An executor, and what it can run.

    isolation: of user code, from 0 (none) to 3. missing: layers of it that the host does not have,
    each with the reason. slots: executions that it runs at once. pythons: versions of Python that
    it can build environments for. seen_at: ISO 8601, UTC. total_ram, total_disk: bytes of the host.
    """

    worker: str
    host: str
    isolation: int
    missing: list[str]
    slots: int
    pythons: list[str]
    seen_at: str
    total_ram: int
    total_disk: int


class VectorDatabaseCredentials(TypedDict):
    vector_database_url: str
    vector_database_token: str
