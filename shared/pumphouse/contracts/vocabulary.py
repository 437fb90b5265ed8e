"""The closed sets of words that the API, the messages and the database share."""

from enum import StrEnum


class DataType(StrEnum):
    """Type of an input or output of a pipeline."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"
    ARRAY = "array"
    FILE = "file"


class Rule(StrEnum):
    """What starts the executions of a deployment."""

    ENDPOINT = "endpoint"
    PERIODIC = "periodic"


class Mode(StrEnum):
    """Where executions happen: each in a blank process, or in pods that keep their state."""

    ELASTIC = "elastic"
    LOW_LATENCY = "low_latency"


class Origin(StrEnum):
    """Which kind of trigger started an execution."""

    RUN = "run"
    ENDPOINT = "endpoint"
    SCHEDULE = "schedule"
    MESSAGE = "message"


class Status(StrEnum):
    """Status of an execution. It only moves forward; nothing leaves a terminal one."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"  # the user's code or input
    ERROR = "Error"  # the platform
    SKIPPED = "Skipped"  # a schedule slot that a policy refused

    @property
    def is_terminal(self) -> bool:
        return self not in (Status.PENDING, Status.RUNNING)


class PipelineStatus(StrEnum):
    PENDING = "creation_pending"
    READY = "ready"
    FAILED = "creation_failed"


class DeploymentStatus(StrEnum):
    PENDING = "creation_pending"
    UP = "up"
    FAILED = "creation_failed"
    RETRYING = "down_retrying"
    STANDBY = "standby"
    DISABLED = "disabled"
