"""Pipelines in service: behind an endpoint, or on a schedule."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast

from pumphouse.sdk.declarations import InputSource, OutputDestination, mappings
from pumphouse.sdk.encoding import given, to_json
from pumphouse.sdk.errors import CreationFailed, InvalidParameters
from pumphouse.sdk.results import (
    Deployment,
    DeploymentDeleted,
    DeploymentSummary,
    EndpointToken,
)
from pumphouse.sdk.transport import Connected, Transport
from pumphouse.sdk.vocabulary import (
    SETTLED_DEPLOYMENT_STATUSES,
    DeploymentMode,
    DeploymentStatus,
    ExecutionRule,
)
from pumphouse.sdk.waiting import Deadline, wait_for

_ROUTES = {ExecutionRule.ENDPOINT: "endpoints", ExecutionRule.PERIODIC: "periodic-deployment"}
_RULE_OF = {
    "schedule": ExecutionRule.PERIODIC,
    "endpoint_url_path": ExecutionRule.ENDPOINT,
    "endpoint_token": ExecutionRule.ENDPOINT,
}
_INTERNAL = ("id", "is_archived")

W = TypeVar("W", bound=StrEnum)


class Deployments(Connected):
    def create_deployment(
        self,
        pipeline_name: str,
        deployment_name: str,
        execution_rule: str,
        mode: str = DeploymentMode.ELASTIC,
        schedule: str | None = None,
        endpoint_url_path: str | None = None,
        inputs_mapping: Iterable[InputSource] | None = None,
        outputs_mapping: Iterable[OutputDestination] | None = None,
        description: str | None = None,
        enable_parallel_executions: bool | None = None,
        max_parallel_executions_per_pod: int | None = None,
        ram_request: str | None = None,
        gpu_request: int | None = None,
        wait_for_completion: bool = True,
        timeout_s: float | None = None,
        execution_timeout_s: int | None = None,
        endpoint_token: str | None = None,
    ) -> Deployment:
        """Put a pipeline into service.

        execution_rule: an ExecutionRule. mode: a DeploymentMode.
        schedule: five cron fields, UTC; periodic deployments need one.
        endpoint_url_path: last part of the endpoint's address, by default the deployment's name.
        inputs_mapping, outputs_mapping: an endpoint exposes what they leave out under its own
        name; a periodic deployment must map everything.
        timeout_s: seconds to wait until it is up. execution_timeout_s: longest run, in seconds.
        endpoint_token: the secret of the endpoint's callers, by default a new one.
        Raises InvalidParameters, NotFound, Conflict if the name is taken, CreationFailed, TimedOut.
        """
        deadline = Deadline(timeout_s)
        rule = _member(ExecutionRule, execution_rule, "execution_rule")
        parameters = given(
            {
                "pipeline_name": pipeline_name,
                "name": deployment_name,
                "mode": _member(DeploymentMode, mode, "mode"),
                "description": description,
                "enable_parallel_executions": enable_parallel_executions,
                "max_parallel_executions_per_pod": max_parallel_executions_per_pod,
                "ram_request": ram_request,
                "gpu_request": gpu_request,
                "execution_timeout_s": execution_timeout_s,
                "schedule": schedule,
                "endpoint_url_path": endpoint_url_path,
                "endpoint_token": endpoint_token,
                **mappings(inputs_mapping, outputs_mapping),
            }
        )
        _refuse_strangers(parameters, rule)
        body = to_json(parameters, f"The mapping of {deployment_name!r}")
        self._transport.call("POST", _ROUTES[rule], body=body)
        return _read(self._transport, deployment_name, deadline if wait_for_completion else None)

    def get_deployment(
        self,
        deployment_name: str,
        wait_for_completion: bool = False,
        timeout_s: float | None = None,
    ) -> Deployment:
        """What is known of a deployment; waits, if asked, until it is up, disabled or failed.

        Raises NotFound; when it waits, also CreationFailed and TimedOut.
        """
        return _read(
            self._transport, deployment_name, Deadline(timeout_s) if wait_for_completion else None
        )

    def list_deployments(self) -> list[DeploymentSummary]:
        return cast(list[DeploymentSummary], self._transport.call("GET", "deployments"))

    def update_deployment(
        self,
        deployment_name: str,
        is_enabled: bool | None = None,
        inputs_mapping: Iterable[InputSource] | None = None,
        outputs_mapping: Iterable[OutputDestination] | None = None,
        schedule: str | None = None,
        wait_for_completion: bool = True,
        timeout_s: float | None = None,
    ) -> Deployment:
        """Change what is given, one of them per call. Only constants and paths in mappings change.

        Raises InvalidParameters, NotFound, Conflict, TimedOut.
        """
        deadline = Deadline(timeout_s)
        changes = given(
            {
                "is_enabled": is_enabled,
                "schedule": schedule,
                **mappings(inputs_mapping, outputs_mapping),
            }
        )
        body = to_json(changes, f"The mapping of {deployment_name!r}")
        self._transport.call("PATCH", "deployments", deployment_name, body=body)
        return _read(self._transport, deployment_name, deadline if wait_for_completion else None)

    def delete_deployment(self, deployment_name: str) -> DeploymentDeleted:
        """Raises NotFound."""
        return cast(
            DeploymentDeleted, self._transport.call("DELETE", "deployments", deployment_name)
        )

    def generate_new_endpoint_token(
        self, endpoint_name: str, endpoint_token: str | None = None
    ) -> EndpointToken:
        """Replace the secret of an endpoint; the old one stops working at once.

        endpoint_token: the new secret, by default a random one.
        """
        return cast(
            EndpointToken,
            self._transport.call(
                "POST",
                "endpoints",
                endpoint_name,
                "generate-new-token",
                form=given({"endpoint_token": endpoint_token}),
            ),
        )


def _refuse_strangers(parameters: Mapping[str, Any], rule: ExecutionRule) -> None:
    for parameter, its_rule in _RULE_OF.items():
        if parameter in parameters and rule is not its_rule:
            raise InvalidParameters(
                f"{parameter!r} goes with execution_rule {its_rule.value!r} only."
            )


def _member(kind: type[W], value: str, parameter: str) -> W:
    try:
        return kind(value)
    except ValueError:
        allowed = " or ".join(repr(member.value) for member in kind)
        raise InvalidParameters(f"{parameter!r} must be {allowed}, not {value!r}.") from None


def _read(transport: Transport, deployment_name: str, deadline: Deadline | None) -> Deployment:
    if deadline is None:
        deployment = transport.call("GET", "deployments", deployment_name)
    else:
        deployment = wait_for(
            lambda limit_s: _if_settled(transport, deployment_name, limit_s),
            deadline,
            f"The creation of deployment {deployment_name!r}",
        )
    latest = transport.call("GET", "deployments", deployment_name, "executions", "latest")
    shown = {key: value for key, value in deployment.items() if key not in _INTERNAL}
    shown["pipeline"] = {"name": deployment["pipeline"]["name"]}
    shown["last_execution_id"] = latest["execution_id"] if latest else None
    return cast(Deployment, shown)


def _if_settled(
    transport: Transport, deployment_name: str, limit_s: float
) -> dict[str, Any] | None:
    deployment = transport.poll("deployments", deployment_name, limit_s=limit_s)
    status = deployment["status"] if deployment else DeploymentStatus.CREATION_PENDING
    if status == DeploymentStatus.CREATION_FAILED:
        raise CreationFailed(
            f"Deployment {deployment_name!r} could not be made ready: its code failed while it "
            "was loaded, or its process ended. Run the pipeline once to see the error."
        )
    return deployment if status in SETTLED_DEPLOYMENT_STATUSES else None
