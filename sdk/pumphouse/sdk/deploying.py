"""What deployments are made from, and what is shown of them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast

from pumphouse.sdk.errors import CreationFailed, InvalidParameters
from pumphouse.sdk.results import Deployment
from pumphouse.sdk.vocabulary import (
    SETTLED_DEPLOYMENT_STATUSES,
    DeploymentStatus,
    ExecutionRule,
)

ROUTES = {ExecutionRule.ENDPOINT: "endpoints", ExecutionRule.PERIODIC: "periodic-deployment"}

_RULE_OF = {
    "schedule": ExecutionRule.PERIODIC,
    "endpoint_url_path": ExecutionRule.ENDPOINT,
    "endpoint_token": ExecutionRule.ENDPOINT,
}
_INTERNAL = ("id", "is_archived")

W = TypeVar("W", bound=StrEnum)


def member(kind: type[W], value: str, parameter: str) -> W:
    """The member that a text or a member stands for. Raises InvalidParameters."""
    try:
        return kind(value)
    except ValueError:
        allowed = " or ".join(repr(member.value) for member in kind)
        raise InvalidParameters(f"{parameter!r} must be {allowed}, not {value!r}.") from None


def refuse_strangers(parameters: Mapping[str, Any], rule: ExecutionRule) -> None:
    """Raises InvalidParameters for a parameter that goes with another rule."""
    for parameter, its_rule in _RULE_OF.items():
        if parameter in parameters and rule is not its_rule:
            raise InvalidParameters(
                f"{parameter!r} goes with execution_rule {its_rule.value!r} only."
            )


def settled(deployment_name: str, deployment: dict[str, Any] | None) -> dict[str, Any] | None:
    """The same if its status is final, None if it is not yet. Raises CreationFailed."""
    status = deployment["status"] if deployment else DeploymentStatus.CREATION_PENDING
    if status == DeploymentStatus.CREATION_FAILED:
        raise CreationFailed(
            f"Deployment {deployment_name!r} could not be made ready: its code failed while it "
            "was loaded, or its process ended. Run the pipeline once to see the error."
        )
    return deployment if status in SETTLED_DEPLOYMENT_STATUSES else None


def shown_deployment(deployment: Mapping[str, Any], latest: Mapping[str, Any] | None) -> Deployment:
    """latest: execution of the deployment, None if there is none."""
    shown = {key: value for key, value in deployment.items() if key not in _INTERNAL}
    shown["pipeline"] = {"name": deployment["pipeline"]["name"]}
    shown["last_execution_id"] = latest["execution_id"] if latest else None
    return cast(Deployment, shown)
