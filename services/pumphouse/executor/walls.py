"""What one execution may do: the walls that its process raises around itself."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """memory_bytes: of an execution with all its processes; None is as much as there is.

    processes: threads count too. file_bytes: of all files, so of each. shared_memory_bytes: what
    /dev/shm holds. locked_bytes: memory that is never swapped out.
    """

    memory_bytes: int | None = None
    processes: int = 512
    open_files: int = 4096
    file_bytes: int = 16 << 30
    shared_memory_bytes: int = 1 << 30
    locked_bytes: int = 64 << 20

    def resources(self, *, counts_processes: bool) -> dict[str, int]:
        """As names of RLIMIT_* and values.

        counts_processes: the kernel counts none but those of the execution, or of executions
        beside it.
        """
        found = {
            "CORE": 0,
            "NOFILE": self.open_files,
            "FSIZE": self.file_bytes,
            "MEMLOCK": self.locked_bytes,
        }
        if counts_processes:
            found["NPROC"] = self.processes
        return found


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """What can be reached of the disk; unlisted: written to, by those who know the names in it.

    is_scoped: signals and abstract sockets reach nothing outside.
    """

    readable: list[str]
    writable: list[str]
    unlisted: list[str]
    is_scoped: bool


class Walls(msgspec.Struct, frozen=True, kw_only=True):
    """What `runner/walls.py` raises.

    processes: how many there may be, by a limit or a control group; None where nothing counts them.
    folders: by the place, such as /tmp, the folder that is found there; with some, /dev/shm is
    empty too. kept: paths below such places that stay. privileges: none can be gained. calls: those
    of the kernel that are refused.
    """

    limits: dict[str, int]
    processes: int | None = None
    folders: dict[str, str] = {}
    kept: list[str] = []
    shared_memory_bytes: int = 0
    privileges: bool = False
    files: Files | None = None
    calls: bool = False
