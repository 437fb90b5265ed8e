"""The closed sets of words that calls take and results contain."""

from enum import Enum, StrEnum


class DataType(StrEnum):
    """Type of an input or output of a pipeline."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"
    ARRAY = "array"
    FILE = "file"


class ExecutionRule(StrEnum):
    """What starts the executions of a deployment."""

    ENDPOINT = "endpoint"
    PERIODIC = "periodic"


class DeploymentMode(StrEnum):
    """Where executions happen: each in a blank process, or in a process that keeps its state."""

    ELASTIC = "elastic"
    LOW_LATENCY = "low_latency"


class DeploymentStatus(StrEnum):
    CREATION_PENDING = "creation_pending"
    UP = "up"
    CREATION_FAILED = "creation_failed"
    DOWN_RETRYING = "down_retrying"
    STANDBY = "standby"
    DISABLED = "disabled"


class ExecutionStatus(StrEnum):
    """Status of an execution. Failed is the fault of the user's code or input, Error is ours."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    SKIPPED = "Skipped"
    FAILED = "Failed"
    ERROR = "Error"


class CreationParameterValue(Enum):
    """What a key of `container_config` may hold instead of a value.

    NULL: nothing, even if the project has a default for it.
    FALLBACK_PROJECT: the default of the project, as if the key were absent.
    """

    NULL = "NULL"
    FALLBACK_PROJECT = "FALLBACK_PROJECT"


FAILED_STATUSES = frozenset({ExecutionStatus.FAILED, ExecutionStatus.ERROR})
COMPLETED_STATUSES = FAILED_STATUSES | {ExecutionStatus.SUCCEEDED, ExecutionStatus.SKIPPED}
SETTLED_DEPLOYMENT_STATUSES = frozenset(
    {
        DeploymentStatus.UP,
        DeploymentStatus.CREATION_FAILED,
        DeploymentStatus.STANDBY,
        DeploymentStatus.DISABLED,
    }
)
