"""How a container can end, in words; docs/executions.md is the table."""

from dataclasses import dataclass

from pumphouse.executor.docker.limits import Limits
from pumphouse.executor.endings import Ending, failed, signal_name

_SIGNAL_BASE = 128
_HINTS = {
    126: ", which most often is a program that cannot be run",
    127: ", which most often is a program that was not found",
}


@dataclass(frozen=True, slots=True)
class State:
    """What the engine says of a container that has ended."""

    exit_code: int
    ran_out_of_memory: bool = False


def ended(state: State, limits: Limits) -> Ending:
    """Of a container whose exit code is not 0."""
    if state.ran_out_of_memory:
        limit = (
            " than there is"
            if limits.memory is None
            else f" than its limit of {limits.memory >> 20} MiB"
        )
        return failed(f"The container was ended because it needed more memory{limit}.")
    if state.exit_code > _SIGNAL_BASE:
        name = signal_name(state.exit_code - _SIGNAL_BASE)
        return failed(f"The container ended with exit code {state.exit_code}, which is {name}.")
    hint = _HINTS.get(state.exit_code, "")
    return failed(f"The container ended with exit code {state.exit_code}{hint}.")


def not_started(words: str) -> Ending:
    """words: of the engine."""
    return failed(f"The container could not be started: {words}")
