"""Who user code is, where it has a view of its own."""

import os
from collections.abc import Sequence
from pathlib import Path

NAME = "pipeline"

HOME = "/home/pipeline"
"""A folder of its own in each execution."""

SETPRIV = "setpriv"


def write_identity(folder: Path, uid: int | None) -> None:
    """A `passwd` and a `group` with nobody else in them. uid: None for our own. Raises OSError."""
    user, group = (uid, uid) if uid is not None else (os.getuid(), os.getgid())
    folder.mkdir()
    for name, line in (
        ("passwd", f"{NAME}:x:{user}:{group}:{NAME}:{HOME}:/bin/sh\n"),
        ("group", f"{NAME}:x:{group}:\n"),
    ):
        file = folder / name
        file.write_text(line, encoding="utf-8")
        file.chmod(0o444)


def as_user(uid: int | None) -> Sequence[str]:
    """What stands before a command that another user is to run, for good."""
    if uid is None:
        return ()
    return (
        SETPRIV,
        *(f"--reuid={uid}", f"--regid={uid}", "--clear-groups"),
        *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"),
    )


def give(path: Path, uid: int | None) -> None:
    """A folder that no user code has had yet, with all in it. uid: None leaves it ours.

    Links are given, not followed. Raises OSError.
    """
    if uid is None:
        return
    for _, folders, files, handle in os.fwalk(path):
        os.fchown(handle, uid, uid)
        for name in (*folders, *files):
            os.chown(name, uid, uid, dir_fd=handle, follow_symlinks=False)
