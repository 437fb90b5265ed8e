"""What stands around the commands that build packages: they bring code of strangers along."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pumphouse.executor import bubblewrap
from pumphouse.executor.identity import as_user, give, write_identity
from pumphouse.executor.isolation import Isolation

_SHARED_MEMORY = 1 << 30


class Workshop:
    """A view of the disk in which little can be written to, and a user of its own, where the host
    has these.
    """

    def __init__(
        self,
        isolation: Isolation,
        uid: int | None,
        folder: Path,
        *,
        readable_paths: Sequence[Path] = (),
        shared_paths: Sequence[Path] = (),
    ) -> None:
        """uid: of builds, when the executor is root. folder: to be made. readable_paths,
        shared_paths: shown by the operator, the latter also to write to. Raises OSError.
        """
        self._has_view = isolation.has_view
        self._uid = uid if isolation.has_user else None
        self._identity = folder / "identity"
        self._readable = readable_paths
        self._shared = shared_paths
        folder.mkdir(parents=True)
        write_identity(self._identity, self._uid)

    @property
    def has_view(self) -> bool:
        """Whether a command finds its home and other folders of this host hidden."""
        return self._has_view

    def command(self, readable: Iterable[Path], writable: Sequence[Path]) -> list[str]:
        """What stands before a command, which begins in the first folder that it writes to.

        Those must be its own; see `own`.
        """
        if not self._has_view:
            return [*as_user(self._uid)]
        around = bubblewrap.view(
            readable=dict.fromkeys([*readable, *self._readable]),
            identity=self._identity,
            writable=dict.fromkeys([*writable, *self._shared]),
            shared_memory_bytes=_SHARED_MEMORY,
            is_root=self._uid is not None,
            start_in=writable[0],
        )
        return [*around, *as_user(self._uid)]

    def own(self, path: Path) -> None:
        """Give a folder and all in it to builds. Blocks. Raises OSError."""
        if self._uid is not None and path.stat().st_uid != self._uid:
            give(path, self._uid)
