"""What user code needs to call the platform that runs it."""

from pumphouse.contracts.executions import PlanResolved
from pumphouse.contracts.vocabulary import Mode
from pumphouse.sealing import Sealer
from pumphouse.sealing.tokens import Scope, ScopeKind, execution_tokens


class Access:
    """Variables by which clients find the platform, with a token for nothing but what is inside.

    gateway_url: as user code reaches the gateway; None leaves the variables out.
    """

    def __init__(self, gateway_url: str | None, sealer: Sealer) -> None:
        self._gateway_url = gateway_url and gateway_url.rstrip("/")
        self._tokens = execution_tokens(sealer)

    def of_plan(self, plan: PlanResolved) -> dict[str, str]:
        """For the process that runs the plan, which is a pod or was started for it alone."""
        if (deployment_id := pod_of(plan)) is not None:
            return self.of_pod(deployment_id)
        return self._variables(Scope(ScopeKind.EXECUTION, plan.execution_id))

    def of_pod(self, deployment_id: str) -> dict[str, str]:
        """The same for all executions of the pod: its module may keep a client from the start."""
        return self._variables(Scope(ScopeKind.DEPLOYMENT, deployment_id))

    def _variables(self, scope: Scope) -> dict[str, str]:
        if not self._gateway_url:
            return {}
        token = self._tokens.issue(scope)
        return {
            "CRAFT_AI_CONTROL_URL": self._gateway_url,
            "CRAFT_AI_ENVIRONMENT_URL": self._gateway_url,
            "CRAFT_AI_SDK_TOKEN": token,
            "PUMPHOUSE_TOKEN": token,
            "PUMPHOUSE_URL": self._gateway_url,
        }


def pod_of(plan: PlanResolved) -> str | None:
    """The id of the deployment whose pod runs the plan; None when a process of its own does."""
    return plan.deployment_id if plan.mode is Mode.LOW_LATENCY else None
