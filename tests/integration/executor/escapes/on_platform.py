"""Escapes that aim at the platform and the system."""

from tests.integration.executor.escapes.attempt import Attempt

PLATFORM = {
    "the secrets in the environment of a process": Attempt(
        """
        def look(pid):
            with open(f"/proc/{pid}/environ", "rb") as file:
                return known.secret.encode() in file.read()
        return any_of([known.guard, known.executor, *others()], look)
        """
    ),
    "the file with the secret key": Attempt(
        """
        with open(known.secret_file) as file:
            return file.read() == known.secret and "reached"
        """
    ),
    "a file that everybody may read": Attempt(
        """
        with open(os.path.join(known.outside, "file")) as file:
            return "reached"
        """
    ),
    "a file that everybody may write": Attempt(
        """
        with open(os.path.join(known.outside, "file"), "a") as file:
            return "reached"
        """
    ),
    "a folder that everybody may write to": Attempt(
        """
        with open(os.path.join(known.outside, f"new-{os.getpid()}"), "w") as file:
            return "reached"
        """
    ),
    "code of others that the executor keeps": Attempt(
        """
        for folder, _, names in os.walk(os.path.join(known.work_dir, "archives")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    return file.read() and "reached"
        """
    ),
    "code of others by its path": Attempt(
        """
        with open(known.archived, "rb") as file:
            return file.read() and "reached"
        """
    ),
    "the memory of the executor": Attempt(
        """
        wanted = known.secret.encode()
        def look(pid):
            return read_memory(pid, known.executor_address, len(wanted)) == wanted
        return any_of([known.executor, *others()], look)
        """,
        needs_root=True,
    ),
    "the memory of the executor, copied by the kernel": Attempt(
        """
        wanted = known.secret.encode()
        def look(pid):
            return copy_memory(pid, known.executor_address, len(wanted)) == wanted
        return any_of([known.executor, *others()], look)
        """,
        needs_root=True,
    ),
    "the memory of its zygote": Attempt(
        """
        def look(pid):
            with open(f"/proc/{pid}/maps") as maps:
                first = next(line for line in maps if " rw-p " in line)
            return read_memory(pid, int(first.partition("-")[0], 16), 1)
        return any_of([os.getppid(), 1], look)
        """,
        needs_root=True,
    ),
    "the open files of its zygote": Attempt(
        """
        def look(pid):
            return os.readlink(f"/proc/{pid}/fd/1")
        return any_of([os.getppid(), 1], look)
        """
    ),
    "the end of its zygote": Attempt(
        "os.kill(os.getppid(), signal.SIGKILL)", is_harmless=False, needs_scopes=True
    ),
    "the end of all that it sees": Attempt(
        """
        return any_of(others(), lambda pid: os.kill(pid, signal.SIGKILL) or True)
        """,
        needs_view=True,
        needs_scopes=True,
    ),
    "the end of whatever there is": Attempt(
        """
        before = set(others())
        os.kill(-1, signal.SIGKILL)
        return "reached" if before - set(others()) else None
        """,
        needs_view=True,
        needs_scopes=True,
    ),
    "the folders of the system": Attempt(
        """
        folders = ("/", "/etc", "/usr/lib", "/usr/local/bin", "/opt", "/var/tmp", "/home", "/root",
                   "/run", "/sys/kernel", "/proc/sys/kernel", "/dev", known.work_dir)
        for folder in folders:
            try:
                open(os.path.join(folder, "of-a-pipeline"), "w").close()
                return "reached"
            except OSError as error:
                refusal = error
        raise refusal
        """,
        is_harmless=False,
    ),
    "settings of the kernel": Attempt(
        """
        with open("/proc/sys/kernel/hostname", "w") as file:
            return "reached"
        """,
        is_harmless=False,
    ),
    "the user root": Attempt(
        """
        os.setuid(0)
        return "reached" if os.getuid() == 0 else None
        """,
        needs_root=True,
    ),
    "a program of root": Attempt(
        """
        import subprocess
        found = subprocess.run(
            ["su", "-c", "id -u"], capture_output=True, stdin=subprocess.DEVNULL, text=True
        )
        return "reached" if found.stdout.strip() == "0" else None
        """,
        needs_root=True,
    ),
    "capabilities": Attempt(
        """
        with open("/proc/self/status") as file:
            fields = dict(line.split(":", 1) for line in file)
        held = [int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")]
        return "reached" if any(held) else None
        """,
        needs_root=True,
    ),
    "namespaces of its own": Attempt(
        """
        checked(libc.unshare(0x10000000))
        return "reached"
        """
    ),
    "namespaces of a new process": Attempt(
        """
        pid = call((56, 220), 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        return "reached"
        """
    ),
    "a mount": Attempt(
        """
        checked(libc.unshare(0x10000000 | 0x00020000))
        checked(libc.mount(b"none", os.getcwdb(), b"tmpfs", 0, None))
        return "reached"
        """
    ),
    "a mount without any namespace": Attempt(
        """
        checked(libc.mount(b"none", os.getcwdb(), b"tmpfs", 0, None))
        return "reached"
        """,
        is_harmless=False,
    ),
    "another view of the disk": Attempt(
        """
        os.chroot(".")
        return "reached"
        """,
        needs_root=True,
    ),
    "namespaces of others": Attempt(
        """
        handle = os.open("/proc/self/ns/uts", os.O_RDONLY)
        checked(libc.setns(handle, 0))
        return "reached"
        """,
        needs_root=True,
    ),
    "the kernel's keys": Attempt(
        """
        call((248, 217), b"user", b"of-a-pipeline", b"x", 1, -3)
        return "reached"
        """
    ),
    "the kernel's rings": Attempt(
        """
        handle = call((425, 425), 1, ctypes.create_string_buffer(120))
        os.close(handle)
        return "reached"
        """
    ),
}
