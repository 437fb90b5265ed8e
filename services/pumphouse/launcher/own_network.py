"""A network of its own for a server: what it listens on in there, nobody else can reach."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pumphouse.errors import NotSupported

_PROBE_S = 10


@dataclass(frozen=True)
class OwnNetwork:
    """Runs programs by bubblewrap: they have loopback alone, of their own, and `/tmp` of their own.

    temporary: the folder that is their `/tmp`. reached: what they reach although it may lie in
    the `/tmp` of all others.
    """

    bubblewrap: str
    temporary: Path
    reached: tuple[Path, ...]

    def probe(self) -> None:
        """Raises NotSupported, with the reason, when this system allows no such network."""
        command = self._around([self.bubblewrap, "--version"])
        try:
            done = subprocess.run(  # noqa: S603 (our own command)
                command, capture_output=True, check=False, timeout=_PROBE_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotSupported(f"bubblewrap cannot be run: {error}") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise NotSupported(said or f"bubblewrap ended with {done.returncode}")

    def spawn(
        self, command: Sequence[str], *, pass_fds: Sequence[int], **surroundings: Any
    ) -> tuple[subprocess.Popen[bytes], int]:
        """Start a program; the process that ends when it does, and its own process id.

        It ends with that process too. surroundings: further arguments of Popen.
        """
        told, tell = os.pipe()
        with os.fdopen(told, "rb") as information:
            try:
                process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 (our own program)
                    self._around(command, "--info-fd", str(tell)),
                    pass_fds=(*pass_fds, tell),
                    **surroundings,
                )
            finally:
                os.close(tell)
            said = information.read()
        return process, json.loads(said)["child-pid"] if said else process.pid

    def _around(self, command: Sequence[str], *options: str) -> list[str]:
        reached = [part for path in self.reached for part in ("--bind", str(path), str(path))]
        return [
            *(self.bubblewrap, "--unshare-net", "--die-with-parent"),
            *("--bind", "/", "/", "--dev-bind", "/dev", "/dev"),
            *("--bind", str(self.temporary), "/tmp"),  # noqa: S108 (theirs alone)
            *(*reached, *options, "--", *command),
        ]


def own_network(temporary: Path, reached: Sequence[Path]) -> OwnNetwork:
    """Raises NotSupported, with the reason, when this system has none for us."""
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise NotSupported("bubblewrap is not installed")
    network = OwnNetwork(bubblewrap, temporary, tuple(reached))
    network.probe()
    return network
