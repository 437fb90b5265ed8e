"""Run as a script: waits until standard input ends, then sends a signal to a process."""

import contextlib
import os
import sys


def main(pid: int, last_signal: int) -> None:
    sys.stdin.buffer.read()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, last_signal)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
