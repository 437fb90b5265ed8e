"""The two sides of an escape: code that attacks, and an execution beside it."""

import textwrap
from dataclasses import dataclass

TREASURE = "the treasure of another execution"

REACHED = "reached"

VICTIM = """
import ctypes, json, os, socket, time

def main(meeting):
    with open("treasure", "w") as file:
        file.write(TREASURE)
    held = open("treasure")
    memory = ctypes.create_string_buffer(TREASURE.encode())
    sockets = {}
    for kind, address in (("abstract", "\\0" + meeting), ("disk", "socket")):
        listening = sockets[kind] = socket.socket(socket.AF_UNIX)
        listening.bind(address)
        listening.listen()
    seen = {
        "pid": os.getpid(),
        "folder": os.getcwd(),
        "address": ctypes.addressof(memory),
        "descriptor": held.fileno(),
        "abstract": "\\0" + meeting,
    }
    with open(os.path.join(meeting, "seen.part"), "w") as file:
        json.dump(seen, file)
    os.rename(file.name, os.path.join(meeting, "seen"))
    while not os.path.exists(os.path.join(meeting, "open")):
        time.sleep(0.005)
    with open("treasure") as file:
        return {"v": [file.read(), sorted(os.listdir(".")), os.nice(0), os.getrlimit()]}
"""
VICTIM = VICTIM.replace("TREASURE", repr(TREASURE)).replace(
    "os.getrlimit()", "__import__('resource').getrlimit(7)"
)

ATTACKER = """
import ctypes, errno, os, pathlib, resource, signal, socket, struct, sys, time
from types import SimpleNamespace

libc = ctypes.CDLL(None, use_errno=True)
IS_ARM = os.uname().machine == "aarch64"

def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def call(numbers, *arguments):
    libc.syscall.restype = ctypes.c_long
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(libc.syscall(ctypes.c_long(numbers[IS_ARM]), *words))

def others():
    found = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return [pid for pid in found if pid != os.getpid()]

def read_memory(pid, address, size):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)

def copy_memory(pid, address, size):
    class Piece(ctypes.Structure):
        _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))
    own = ctypes.create_string_buffer(size)
    ours, theirs = Piece(ctypes.addressof(own), size), Piece(address, size)
    pieces = (ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
    call((310, 270), pid, *pieces)
    return own.raw

def aimed(pid):
    # Processes of two zygotes may have the same number, each in its own view.
    if pid == os.getpid():
        raise ProcessLookupError("that is the attacker itself")
    return pid

def any_of(pids, act):
    problem = None
    for pid in dict.fromkeys(pids):
        try:
            aimed(pid)
            if act(pid):
                return "reached"
        except OSError as error:
            problem = error
    if problem is not None:
        raise problem

def attempt(known):
BODY

def main(**known):
    try:
        return {"v": attempt(SimpleNamespace(**known))}
    except OSError as error:
        return {"v": f"{type(error).__name__}: {error}"}
"""


@dataclass(frozen=True)
class Attempt:
    """body: returns "reached" when it has succeeded. It knows what `Scene.known` says.

    is_harmless: it can be tried without walls. needs_view: it would hit the whole host if walls did
    not hold, so that it is tried in a view of processes alone. needs_root: to succeed without
    walls. needs_scopes: of Landlock, to be refused.
    """

    body: str
    is_harmless: bool = True
    needs_view: bool = False
    needs_root: bool = False
    needs_scopes: bool = False

    @property
    def source(self) -> str:
        body = textwrap.indent(textwrap.dedent(self.body).strip(), "    ")
        return ATTACKER.replace("BODY", body)
