"""Every way a run can end, with the words for it; docs/executions.md is the table."""

import asyncio
import signal
from dataclasses import dataclass, field

import msgspec

from pumphouse.contracts.executions import PlannedOutput, ProducedOutput
from pumphouse.contracts.vocabulary import Status
from pumphouse.errors import Invalid
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.frames import CHANNEL_MISUSED
from pumphouse.executor.output_files import Snapshot
from pumphouse.executor.sandbox import Exit
from pumphouse.mapping import check

CHANNEL_BROKEN = 71
"""Exit status of a runner that cannot reach the executor any more."""

_CHECKED_IN_PASSING = 64 << 10
"""Bytes of JSON; more of them would hold up everything else."""

_RESTARTED = " The deployment was restarted, so what it kept in memory is gone."
_GOES_ON = " It cannot be stopped: it goes on, and takes a place in the deployment until it ends."

_SIGNAL_HINTS = {
    "SIGSEGV": " (a crash in native code)",
    "SIGBUS": " (a crash in native code)",
    "SIGABRT": " (native code gave up)",
    "SIGILL": " (native code that this machine cannot run)",
    "SIGFPE": " (a division by zero in native code)",
    "SIGKILL": " (killed; most often because it needed more memory than there is)",
    "SIGXFSZ": " (it wrote a file larger than allowed)",
    "SIGXCPU": " (it used more processor time than allowed)",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended. error: what its owner reads.

    When it succeeded: outputs, the JSON of each by its name; files, the copies of those that are
    files and not None; produced, all of them with where they are, once that is done.
    """

    status: Status
    error: str | None = None
    outputs: dict[str, msgspec.Raw] = field(default_factory=dict)
    files: dict[str, Snapshot] = field(default_factory=dict)
    produced: tuple[ProducedOutput, ...] = ()


def failed(message: str) -> Ending:
    return Ending(Status.FAILED, message)


def platform_error(fault: PlatformFault) -> Ending:
    return Ending(Status.ERROR, fault.message)


def executor_lost(attempts: int) -> Ending:
    return Ending(
        Status.ERROR, f"The executor was lost while running this execution, {attempts} times."
    )


def timed_out(limit_s: float, *, restarted: bool = False, goes_on: bool = False) -> Ending:
    message = f"The execution exceeded its time limit of {limit_s:g} s"
    if goes_on:
        return failed(message + "." + _GOES_ON)
    return failed(message + " and was stopped." + _RESTARTED * restarted)


def vanished(end: Exit | None, *, restarted: bool = False, beside: int = 0) -> Ending:
    """The process ended before it had answered; without an end it only closed its channel.

    beside: how many other executions ended with it. Raises PlatformFault when it was lost.
    """
    if end is None or end.status == CHANNEL_BROKEN:
        message = CHANNEL_MISUSED.message
    elif end.overrun is not None:
        message = end.overrun
    elif end.status is None:
        raise PlatformFault("The process was lost with the zygote that it was forked from.")
    elif end.status < 0:
        name = signal_name(-end.status)
        message = f"The process was ended by {name} before the function returned."
    else:
        message = (
            f"The process was ended by exit code {end.status} before the function returned"
            " (by os._exit, or in native code)."
        )
    if beside:
        others = f"{beside} other executions" if beside > 1 else "another execution"
        message += f" It may be the doing of {others} in the same process."
    return failed(message + _RESTARTED * restarted)


def end_of_process(end: Exit | None) -> str:
    """What the log of a pod says."""
    if end is None or end.status == CHANNEL_BROKEN:
        return "the process closed the platform's result channel or wrote to it"
    if end.overrun is not None:
        return end.overrun
    if end.status is None:
        return "the process was lost"
    if end.status < 0:
        return f"the process was ended by {signal_name(-end.status)}"
    return f"the process was ended by exit code {end.status}"


def signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return name + _SIGNAL_HINTS.get(name, "")


async def with_checked_outputs(ending: Ending, planned: tuple[PlannedOutput, ...]) -> Ending:
    """The same, or Failed where an output is missing or not of its declared type."""
    if ending.status is not Status.SUCCEEDED:
        return ending
    if sum(map(len, ending.outputs.values())) <= _CHECKED_IN_PASSING:
        return _checked(ending, planned)
    return await asyncio.to_thread(_checked, ending, planned)


def _checked(ending: Ending, planned: tuple[PlannedOutput, ...]) -> Ending:
    for output in planned:
        if output.name not in ending.outputs:
            return failed(f"The returned dict lacks the declared output {output.name!r}.")
        try:
            value = msgspec.json.decode(ending.outputs[output.name])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return failed(CHANNEL_MISUSED.message)
        try:
            check(output.data_type, value)
        except Invalid as error:
            return failed(
                f"The output {output.name!r} is declared as {output.data_type.value}, but the"
                f" function returned a value of type {type(value).__name__} for it:"
                f" {error.message}."
            )
    return ending
