"""The names that code written for `craft-ai-sdk` imports."""

from pumphouse.sdk.errors import SdkError
from pumphouse.sdk.sync.client import PumphouseSdk
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


class CraftAiSdk(PumphouseSdk):
    """A PumphouseSdk that is made as the client of `craft-ai-sdk` is.

    control_url: not used; a platform has one address. verbose_log: whether transfers show a bar,
    by default on terminals. The other parameters, their environment variables and the calls are
    those of PumphouseSdk.
    """

    def __init__(
        self,
        sdk_token: str | None = None,
        environment_url: str | None = None,
        control_url: str | None = None,
        verbose_log: bool | None = None,
        warn_on_metric_outside_of_pipeline: bool = True,
    ) -> None:
        super().__init__(environment_url, sdk_token, progress=verbose_log)
        self.base_environment_url = self.base_control_url = self.url.rstrip("/")
        self.base_environment_api_url = f"{self.base_environment_url}/api/v1"
        self.base_control_api_url = self.base_environment_api_url
        self.verbose_log = verbose_log
        self.warn_on_metric_outside_of_pipeline = warn_on_metric_outside_of_pipeline
