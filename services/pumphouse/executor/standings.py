"""How the pods of one deployment stand, and what follows from it for all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pumphouse.contracts.catalog import Pod
from pumphouse.contracts.pods import PodReported
from pumphouse.contracts.vocabulary import DeploymentStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a pod. id: of its latest process. message: why that could not be started."""

    id: str
    status: DeploymentStatus
    message: str | None = None


def together(deployment_id: str, standings: Iterable[Standing]) -> PodReported:
    """What the pods that have been started come to: up while one is up, else about to be again
    where one is, else failed, with the first reason that one has.
    """
    known = tuple(standings)
    found = {standing.status for standing in known}
    order = (DeploymentStatus.UP, DeploymentStatus.RETRYING)
    status = next((s for s in order if s in found), DeploymentStatus.FAILED)
    reasons = [standing.message for standing in known if standing.message is not None]
    is_up = status is DeploymentStatus.UP
    return PodReported(
        deployment_id=deployment_id,
        status=status,
        pods=tuple(Pod(id=standing.id, status=standing.status) for standing in known),
        message=None if is_up or not reasons else reasons[0],
    )


class Vacancy(Protocol):
    """room: how many more executions a pod can take."""

    room: int

    @property
    def is_up(self) -> bool: ...


V = TypeVar("V", bound=Vacancy)


def roomiest(pods: Iterable[V]) -> V | None:
    """Where the next execution goes: of the pods that are up, or of all while none is, the first
    that has the most room. None when those have no room.
    """
    every = list(pods)
    able = [pod for pod in every if pod.is_up] or every
    pod = max(able, key=lambda able_one: able_one.room)
    return pod if pod.room > 0 else None
