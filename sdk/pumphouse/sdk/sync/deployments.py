# Generated from pumphouse/sdk/aio/deployments.py by `make sdk`: change that file instead.
"""Pipelines in service: behind an endpoint, or on a schedule."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from pumphouse.sdk.deadlines import Deadline
from pumphouse.sdk.declarations import InputSource, OutputDestination, mappings
from pumphouse.sdk.deploying import ROUTES, member, refuse_strangers, settled, shown_deployment
from pumphouse.sdk.encoding import given, log_period, to_json
from pumphouse.sdk.results import (
    Deployment,
    DeploymentDeleted,
    DeploymentLogLine,
    DeploymentSummary,
    EndpointToken,
)
from pumphouse.sdk.sync.transport import Connected
from pumphouse.sdk.sync.waiting import wait_for
from pumphouse.sdk.vocabulary import DeploymentMode, ExecutionRule


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
        *,
        replicas: int | None = None,
    ) -> Deployment:
        """Put a pipeline into service.

        execution_rule: an ExecutionRule. mode: a DeploymentMode.
        schedule: five cron fields, UTC; periodic deployments need one.
        endpoint_url_path: last part of the endpoint's address, by default the deployment's name.
        inputs_mapping, outputs_mapping: an endpoint exposes what they leave out under its own
        name; a periodic deployment must map everything.
        timeout_s: seconds to wait until it is up. execution_timeout_s: longest run, in seconds.
        endpoint_token: the secret of the endpoint's callers, by default a new one.
        replicas: how many pods a low latency deployment has, by default one.
        Raises InvalidParameters, NotFound, Conflict if the name is taken, CreationFailed, TimedOut.
        """
        deadline = Deadline(timeout_s)
        rule = member(ExecutionRule, execution_rule, "execution_rule")
        parameters = given(
            {
                "pipeline_name": pipeline_name,
                "name": deployment_name,
                "mode": member(DeploymentMode, mode, "mode"),
                "description": description,
                "enable_parallel_executions": enable_parallel_executions,
                "max_parallel_executions_per_pod": max_parallel_executions_per_pod,
                "replicas": replicas,
                "ram_request": ram_request,
                "gpu_request": gpu_request,
                "execution_timeout_s": execution_timeout_s,
                "schedule": schedule,
                "endpoint_url_path": endpoint_url_path,
                "endpoint_token": endpoint_token,
                **mappings(inputs_mapping, outputs_mapping),
            }
        )
        refuse_strangers(parameters, rule)
        body = to_json(parameters, f"The mapping of {deployment_name!r}")
        self._transport.call("POST", ROUTES[rule], body=body)
        return self._deployment(deployment_name, deadline if wait_for_completion else None)

    def get_deployment(
        self,
        deployment_name: str,
        wait_for_completion: bool = False,
        timeout_s: float | None = None,
    ) -> Deployment:
        """What is known of a deployment; waits, if asked, until it is up, disabled or failed.

        Raises NotFound; when it waits, also CreationFailed and TimedOut.
        """
        return self._deployment(
            deployment_name, Deadline(timeout_s) if wait_for_completion else None
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
        return self._deployment(deployment_name, deadline if wait_for_completion else None)

    def delete_deployment(self, deployment_name: str) -> DeploymentDeleted:
        """Raises NotFound."""
        return cast(
            DeploymentDeleted, self._transport.call("DELETE", "deployments", deployment_name)
        )

    def get_deployment_logs(
        self,
        deployment_name: str,
        from_datetime: datetime | None = None,
        to_datetime: datetime | None = None,
        limit: int | None = None,
    ) -> list[DeploymentLogLine]:
        """What the pods of a deployment wrote outside of executions, in order; the first `limit`
        lines. Elastic deployments have no pods. Raises NotFound.
        """
        body = log_period(from_datetime, to_datetime, limit)
        found = self._transport.call("POST", "deployments", deployment_name, "logs", body=body)
        return cast(list[DeploymentLogLine], found)

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

    def _deployment(self, deployment_name: str, deadline: Deadline | None) -> Deployment:
        if deadline is None:
            deployment = self._transport.call("GET", "deployments", deployment_name)
        else:
            deployment = wait_for(
                lambda limit_s: self._settled_deployment(deployment_name, limit_s),
                deadline,
                f"The creation of deployment {deployment_name!r}",
            )
        latest = self._transport.call("GET", "deployments", deployment_name, "executions", "latest")
        return shown_deployment(deployment, latest)

    def _settled_deployment(self, deployment_name: str, limit_s: float) -> dict[str, Any] | None:
        found = self._transport.poll("deployments", deployment_name, limit_s=limit_s)
        return settled(deployment_name, found)
