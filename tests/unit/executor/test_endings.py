"""The words for the end of a process."""

import pytest

from pumphouse.contracts.executions import PlannedOutput
from pumphouse.contracts.mappings import Dropped
from pumphouse.contracts.vocabulary import DataType, Status
from pumphouse.executor.endings import Ending, timed_out, vanished, with_checked_outputs


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


async def test_an_answer_without_a_declared_output_is_not_believed() -> None:
    output = PlannedOutput(name="v", data_type=DataType.NUMBER, destination=Dropped())
    ending = await with_checked_outputs(Ending(Status.SUCCEEDED, outputs={}), (output,))
    assert ending.status is Status.FAILED
    assert "'v'" in (ending.error or "")
