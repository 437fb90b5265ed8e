"""The words for the end of a process."""

import pytest

from pumphouse.contracts.executions import PlannedOutput
from pumphouse.contracts.mappings import Dropped
from pumphouse.contracts.vocabulary import DataType, Status
from pumphouse.executor.endings import (
    Ending,
    end_of_process,
    timed_out,
    vanished,
    with_checked_outputs,
)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "result channel"),
        (71, "result channel"),
        (0, "ended by exit code 0"),
        (-11, "ended by SIGSEGV (a crash in native code)"),
        (-9, "ended by SIGKILL"),
        (-15, "ended by SIGTERM before"),
        (-63, "ended by signal 63"),
    ],
)
def test_a_process_that_vanished_is_the_users_fault(status: int | None, words: str) -> None:
    ending = vanished(status)
    assert ending.status is Status.FAILED
    assert words in (ending.error or "")


def test_what_a_restart_costs_is_said() -> None:
    for ending in (vanished(1, restarted=True), timed_out(2.5, restarted=True)):
        assert "what it kept in memory is gone" in (ending.error or "")
    assert "2.5 s" in (timed_out(2.5).error or "")


def test_a_limit_that_stops_nothing_does_not_say_stopped() -> None:
    error = timed_out(2, goes_on=True).error or ""
    assert "2 s." in error
    assert "cannot be stopped" in error
    assert "was stopped" not in error


@pytest.mark.parametrize(
    ("beside", "words"), [(0, ""), (1, "another execution"), (5, "5 other executions")]
)
def test_who_else_was_in_a_process_is_said(beside: int, words: str) -> None:
    error = vanished(1, restarted=True, beside=beside).error or ""
    assert words in error
    assert ("It may be the doing of" in error) == bool(beside)


@pytest.mark.parametrize(
    ("status", "words"),
    [(None, "result channel"), (71, "result channel"), (-9, "SIGKILL"), (3, "exit code 3")],
)
def test_the_log_of_a_pod_says_how_it_ended(status: int | None, words: str) -> None:
    assert words in end_of_process(status)


async def test_an_answer_without_a_declared_output_is_not_believed() -> None:
    output = PlannedOutput(name="v", data_type=DataType.NUMBER, destination=Dropped())
    ending = await with_checked_outputs(Ending(Status.SUCCEEDED, outputs={}), (output,))
    assert ending.status is Status.FAILED
    assert "'v'" in (ending.error or "")
