"""Client library of Pumphouse: create pipelines, run them, put them into service.

PumphouseSdk has plain calls, AsyncPumphouseSdk the same as coroutines. What calls return is typed
in `pumphouse.sdk.results`. It needs httpx, msgspec and tqdm, and imports nothing else of the
platform.
"""

from pumphouse.sdk.aio.client import AsyncPumphouseSdk
from pumphouse.sdk.declarations import Input, InputSource, Output, OutputDestination
from pumphouse.sdk.errors import (
    Conflict,
    CreationFailed,
    ExecutionFailed,
    Forbidden,
    InvalidParameters,
    NotFound,
    NotSupported,
    SdkError,
    TimedOut,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from pumphouse.sdk.migration import (
    COMPLETED_EXECUTION_STATUSES,
    CREATION_PARAMETER_VALUE,
    DEPLOYMENT_EXECUTION_RULES,
    DEPLOYMENT_MODES,
    EXECUTION_STATUS,
    FAILED_EXECUTION_STATUSES,
    INPUT_OUTPUT_TYPES,
    CraftAiSdk,
    SdkException,
)
from pumphouse.sdk.sync.client import PumphouseSdk
from pumphouse.sdk.version import __version__
from pumphouse.sdk.vocabulary import (
    CreationParameterValue,
    DataType,
    DeploymentMode,
    DeploymentStatus,
    ExecutionRule,
    ExecutionStatus,
)

__all__ = [
    "COMPLETED_EXECUTION_STATUSES",
    "CREATION_PARAMETER_VALUE",
    "DEPLOYMENT_EXECUTION_RULES",
    "DEPLOYMENT_MODES",
    "EXECUTION_STATUS",
    "FAILED_EXECUTION_STATUSES",
    "INPUT_OUTPUT_TYPES",
    "AsyncPumphouseSdk",
    "Conflict",
    "CraftAiSdk",
    "CreationFailed",
    "CreationParameterValue",
    "DataType",
    "DeploymentMode",
    "DeploymentStatus",
    "ExecutionFailed",
    "ExecutionRule",
    "ExecutionStatus",
    "Forbidden",
    "Input",
    "InputSource",
    "InvalidParameters",
    "NotFound",
    "NotSupported",
    "Output",
    "OutputDestination",
    "PumphouseSdk",
    "SdkError",
    "SdkException",
    "TimedOut",
    "TooLarge",
    "Unauthorized",
    "Unreachable",
    "__version__",
]
