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
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.sandbox import Exit


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (71, "result channel"),
        (0, "ended by exit code 0"),
        (-11, "ended by SIGSEGV (a crash in native code)"),
        (-9, "ended by SIGKILL"),
        (-15, "ended by SIGTERM before"),
        (-63, "ended by signal 63"),
    ],
)
def test_a_process_that_vanished_is_the_users_fault(status: int, words: str) -> None:
    ending = vanished(Exit(status))
    assert ending.status is Status.FAILED
    assert words in (ending.error or "")


def test_what_a_restart_costs_is_said() -> None:
    for ending in (vanished(Exit(1), restarted=True), timed_out(2.5, restarted=True)):
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
    error = vanished(Exit(1), restarted=True, beside=beside).error or ""
    assert words in error
    assert ("It may be the doing of" in error) == bool(beside)


@pytest.mark.parametrize(
    ("status", "words"),
    [(71, "result channel"), (-9, "SIGKILL"), (3, "exit code 3"), (None, "lost")],
)
def test_the_log_of_a_pod_says_how_it_ended(status: int | None, words: str) -> None:
    assert words in end_of_process(Exit(status))


def test_a_process_that_goes_on_without_its_channel_has_closed_it() -> None:
    assert "result channel" in (vanished(None).error or "")
    assert "result channel" in end_of_process(None)


def test_a_process_that_was_lost_with_its_zygote_is_the_platforms_fault() -> None:
    with pytest.raises(PlatformFault):
        vanished(Exit(None))


def test_a_process_that_was_stopped_for_a_limit_says_which() -> None:
    ending = vanished(Exit(-9, overrun="It had more than 1 GiB."))
    assert ending.status is Status.FAILED
    assert ending.error == "It had more than 1 GiB."


async def test_an_answer_without_a_declared_output_is_not_believed() -> None:
    output = PlannedOutput(name="v", data_type=DataType.NUMBER, destination=Dropped())
    ending = await with_checked_outputs(Ending(Status.SUCCEEDED, outputs={}), (output,))
    assert ending.status is Status.FAILED
    assert "'v'" in (ending.error or "")
