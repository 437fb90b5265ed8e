"""A socket and two pipes between the executor and a process that is to come."""

import contextlib
import os
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connections:
    """end, outputs: ours, of the socket and of its standard output and error. theirs: descriptors
    of the other ends, in the same order."""

    end: socket.socket
    outputs: tuple[int, int]
    theirs: tuple[int, int, int]

    @classmethod
    def open(cls) -> "Connections":
        """Raises OSError, and leaves nothing open then."""
        with contextlib.ExitStack() as opened:
            end, other_end = socket.socketpair()
            opened.callback(end.close)
            opened.callback(other_end.close)
            end.setblocking(False)
            ends = []
            for _ in ("stdout", "stderr"):
                ends.append(os.pipe())
                for descriptor in ends[-1]:
                    opened.callback(os.close, descriptor)
            opened.pop_all()
            (output, for_output), (errors, for_errors) = ends
            return cls(end, (output, errors), (other_end.detach(), for_output, for_errors))
