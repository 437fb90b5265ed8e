"""What can go wrong before and around the user's code."""

import logging
import secrets

from pumphouse.errors import PumphouseError


class PlatformFault(PumphouseError):
    """The platform failed, not the code: the user is told a reference, the log has the details."""

    def __init__(self, details: str) -> None:
        self.reference = secrets.token_hex(4)
        super().__init__(
            f"The platform could not run this. Its operator can look up reference {self.reference}."
        )
        self.details = details

    def report(self, log: logging.Logger) -> None:
        log.error("Reference %s: %s", self.reference, self.details, exc_info=self)


class UnusableInput(PumphouseError):
    """An input's value cannot be handed to the function; the message names it."""


class UnusableOutput(PumphouseError):
    """An output cannot be taken or stored; the message names it."""


class SandboxLost(PumphouseError):
    """The process was gone before it had been given anything to run."""


class BuildFailed(PumphouseError):
    """An environment cannot be made as it is wanted; the message is for the pipeline's author."""
