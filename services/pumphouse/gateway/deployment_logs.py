"""The route of what pods write outside of executions."""

from dataclasses import dataclass

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pumphouse.bus import Bus
from pumphouse.contracts.pods import PodLine, PodLogsQueried
from pumphouse.contracts.vocabulary import Mode
from pumphouse.gateway.answers import Moment, json_answer
from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.definitions import Definitions
from pumphouse.gateway.described import described
from pumphouse.gateway.parameters import DEPLOYMENT
from pumphouse.gateway.periods import LogPeriod, read_period
from pumphouse.gateway.sharing import Shared


class ShownPodLine(msgspec.Struct, frozen=True):
    """One line that a pod wrote, to `stdout` or `stderr`; type: always `deployment`."""

    timestamp: Moment
    message: str
    stream: str
    pod_id: str
    type: str = "deployment"


@dataclass(frozen=True)
class DeploymentLogRoutes(Shared):
    definitions: Definitions
    bus: Bus

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes below /api/v1 for users."""
        return [post("/deployments/{name:str}/logs")(self.logs)]

    @described(
        "get_deployment_logs",
        "List what the pods of a deployment have written outside of executions",
        tag="Deployments",
        path=DEPLOYMENT,
        body=LogPeriod,
        is_body_required=False,
        answers=list[ShownPodLine],
    )
    async def logs(self, name: FromPath[str], request: ApiRequest) -> Response[bytes]:
        """Lines of all pods, oldest first; none of an elastic deployment, which has no pods."""
        period = await read_period(request)
        deployment, _ = await self.definitions.deployment(name)
        if deployment.mode is Mode.ELASTIC:
            return json_answer([])
        listed = await self.bus.request(
            PodLogsQueried(
                deployment_id=deployment.id,
                since=period.since,
                until=period.until,
                limit=period.most,
            )
        )
        return json_answer([show_pod_line(line) for line in listed.lines])


def show_pod_line(said: PodLine) -> ShownPodLine:
    line = said.line
    return ShownPodLine(line.at, line.text, line.stream, said.pod_id)
