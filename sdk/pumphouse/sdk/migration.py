"""The names that code written for `craft-ai-sdk` imports."""

from pumphouse.sdk.errors import SdkError
from pumphouse.sdk.vocabulary import (
    COMPLETED_STATUSES,
    FAILED_STATUSES,
    CreationParameterValue,
    DataType,
    DeploymentMode,
    ExecutionRule,
    ExecutionStatus,
)

INPUT_OUTPUT_TYPES = DataType
DEPLOYMENT_EXECUTION_RULES = ExecutionRule
DEPLOYMENT_MODES = DeploymentMode
EXECUTION_STATUS = ExecutionStatus
COMPLETED_EXECUTION_STATUSES = COMPLETED_STATUSES
FAILED_EXECUTION_STATUSES = FAILED_STATUSES
CREATION_PARAMETER_VALUE = CreationParameterValue
SdkException = SdkError
