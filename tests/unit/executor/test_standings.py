"""What follows from how the pods of a deployment stand."""

from dataclasses import dataclass

import pytest

from pumphouse.contracts.vocabulary import DeploymentStatus
from pumphouse.executor.standings import Standing, roomiest, together

UP, RETRYING, FAILED = (
    DeploymentStatus.UP,
    DeploymentStatus.RETRYING,
    DeploymentStatus.FAILED,
)

CASES: list[tuple[list[DeploymentStatus], DeploymentStatus]] = [
    ([UP], UP),
    ([UP, UP], UP),
    ([RETRYING, UP], UP),
    ([FAILED, FAILED, UP], UP),
    ([RETRYING], RETRYING),
    ([RETRYING, RETRYING], RETRYING),
    ([FAILED, RETRYING], RETRYING),
    ([FAILED], FAILED),
    ([FAILED, FAILED], FAILED),
]


@pytest.mark.parametrize(("statuses", "expected"), CASES)
def test_a_deployment_stands_as_its_best_pod_and_lists_all(
    statuses: list[DeploymentStatus], expected: DeploymentStatus
) -> None:
    standings = [Standing(f"pod-{i}", status) for i, status in enumerate(statuses)]
    report = together("d", standings)
    assert (report.deployment_id, report.status, report.message) == ("d", expected, None)
    assert [(pod.id, pod.status) for pod in report.pods] == [
        (f"pod-{i}", status) for i, status in enumerate(statuses)
    ]


def test_one_reason_is_told_and_none_while_a_pod_is_up() -> None:
    down = [Standing("a", RETRYING), Standing("b", FAILED, "no"), Standing("c", FAILED, "never")]
    assert together("d", down).message == "no"
    assert together("d", [*down, Standing("e", UP)]).message is None


@dataclass
class Seat:
    name: str
    room: int
    is_up: bool = True


def test_the_first_of_those_with_the_most_room_is_next() -> None:
    def chosen(*seats: Seat) -> str | None:
        found = roomiest(seats)
        return None if found is None else found.name

    assert chosen(Seat("a", 0), Seat("b", 1), Seat("c", 1)) == "b"
    assert chosen(Seat("a", 2), Seat("b", 5), Seat("c", 4)) == "b"
    assert chosen(Seat("a", 0), Seat("b", 0)) is None


def test_a_pod_that_is_down_is_next_only_when_none_is_up() -> None:
    busy, down, idle = Seat("busy", 0), Seat("down", 1, is_up=False), Seat("idle", 1)
    assert roomiest([down, idle]) is idle
    assert roomiest([down, busy]) is None
    assert roomiest([Seat("other", 0, is_up=False), down]) is down
