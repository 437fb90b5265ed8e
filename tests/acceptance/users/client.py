"""The official client as users have it: its names, which carry no types, and what logs say."""

from typing import Any

import craft_ai_sdk

_client: Any = craft_ai_sdk

CREATION_PARAMETER_VALUE = _client.CREATION_PARAMETER_VALUE
Input = _client.Input
InputSource = _client.InputSource
Output = _client.Output
OutputDestination = _client.OutputDestination
SdkException = _client.SdkException


def logged(sdk: Any, execution_id: str) -> str:
    """The lines of an execution's log, as text."""
    return "\n".join(line["message"] for line in sdk.get_pipeline_execution_logs(execution_id))
