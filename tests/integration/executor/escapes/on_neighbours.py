"""Escapes that aim at another execution."""

from tests.integration.executor.escapes.attempt import Attempt

NEIGHBOUR = {
    "a file": Attempt(
        """
        with open(os.path.join(known.folder, "treasure")) as file:
            return file.read() == known.treasure and "reached"
        """
    ),
    "a file, by writing": Attempt(
        """
        with open(os.path.join(known.folder, "treasure"), "a") as file:
            return "reached"
        """
    ),
    "a new file": Attempt(
        """
        with open(os.path.join(known.folder, "new"), "w") as file:
            return "reached"
        """
    ),
    "the names of files": Attempt(
        """
        return "treasure" in os.listdir(known.folder) and "reached"
        """
    ),
    "the name of its folder": Attempt(
        """
        place = pathlib.Path(known.folder).parent
        return place.name in os.listdir(place.parent) and "reached"
        """
    ),
    "another name of a file": Attempt(
        """
        os.link(os.path.join(known.folder, "treasure"), "mine")
        return "reached"
        """
    ),
    "the place of a file": Attempt(
        """
        os.rename(os.path.join(known.folder, "socket"), os.path.join(known.folder, "moved"))
        return "reached"
        """
    ),
    "its folder through /proc": Attempt(
        """
        def look(pid):
            with open(f"/proc/{pid}/cwd/treasure") as file:
                return file.read() == known.treasure
        return any_of([known.pid, *others()], look)
        """
    ),
    "its disk through /proc": Attempt(
        """
        def look(pid):
            with open(f"/proc/{pid}/root{known.folder}/treasure") as file:
                return file.read() == known.treasure
        return any_of([known.pid, *others()], look)
        """
    ),
    "an open file through /proc": Attempt(
        """
        def look(pid):
            with open(f"/proc/{pid}/fd/{known.descriptor}") as file:
                return file.read() == known.treasure
        return any_of([known.pid, *others()], look)
        """
    ),
    "an open file": Attempt(
        """
        def look(pid):
            handle = os.pidfd_open(pid)
            taken = call((438, 438), handle, known.descriptor, 0)
            return os.pread(taken, 1000, 0).decode() == known.treasure
        return any_of([known.pid, *others()], look)
        """,
        needs_root=True,
    ),
    "memory": Attempt(
        """
        wanted = known.treasure.encode()
        def look(pid):
            return read_memory(pid, known.address, len(wanted)) == wanted
        return any_of([known.pid, *others()], look)
        """,
        needs_root=True,
    ),
    "memory, copied by the kernel": Attempt(
        """
        wanted = known.treasure.encode()
        def look(pid):
            return copy_memory(pid, known.address, len(wanted)) == wanted
        return any_of([known.pid, *others()], look)
        """,
        needs_root=True,
    ),
    "every step of it": Attempt(
        """
        def look(pid):
            checked(libc.ptrace(16, pid, None, None))
            os.waitpid(pid, 0x40000000)
            checked(libc.ptrace(17, pid, None, None))
            return True
        return any_of([known.pid, *others()], look)
        """,
        needs_root=True,
    ),
    "its end": Attempt(
        """
        os.kill(aimed(known.pid), signal.SIGKILL)
        return "reached"
        """,
        needs_scopes=True,
    ),
    "its end by a handle": Attempt(
        """
        signal.pidfd_send_signal(os.pidfd_open(aimed(known.pid)), signal.SIGKILL)
        return "reached"
        """,
        needs_scopes=True,
    ),
    "a rest of it": Attempt(
        """
        os.kill(aimed(known.pid), signal.SIGSTOP)
        os.kill(aimed(known.pid), signal.SIGCONT)
        return "reached"
        """,
        needs_scopes=True,
    ),
    "its limits": Attempt(
        """
        resource.prlimit(aimed(known.pid), resource.RLIMIT_NOFILE, (77, 77))
        return "reached"
        """
    ),
    "its abstract socket": Attempt(
        """
        socket.socket(socket.AF_UNIX).connect(known.abstract)
        return "reached"
        """,
        needs_scopes=True,
    ),
    "its socket on the disk": Attempt(
        """
        folder = os.open(known.folder, os.O_PATH)
        socket.socket(socket.AF_UNIX).connect(f"/proc/self/fd/{folder}/socket")
        return "reached"
        """
    ),
}
