"""What user code does behind its walls as it would without them."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pumphouse.executor.isolation import Level
from tests.integration.executor.test_walls import at, each_level
from tests.integration.executor.walled import Site

__all__ = ["at"]

WORKS = {
    "processes that are forked": """
import multiprocessing
with multiprocessing.get_context('fork').Pool(2) as pool:
    result = pool.map(abs, [-1, -2])
assert result == [1, 2]
""",
    "processes that are started anew": """
import multiprocessing
with multiprocessing.get_context('spawn').Pool(2) as pool:
    result = pool.map(abs, [-1, -2])
assert result == [1, 2]
""",
    "processes that a server forks": """
import multiprocessing
with multiprocessing.get_context('forkserver').Pool(2) as pool:
    result = pool.map(abs, [-1, -2])
assert result == [1, 2]
""",
    "a manager and a queue": """
import multiprocessing
with multiprocessing.Manager() as manager:
    shared = manager.dict(a=1)
    assert shared['a'] == 1
queue = multiprocessing.Queue()
queue.put(3)
assert queue.get(timeout=5) == 3
""",
    "shared memory": """
from multiprocessing.shared_memory import SharedMemory
block = SharedMemory(create=True, size=1 << 20)
same = SharedMemory(block.name)
block.buf[0] = 7
assert same.buf[0] == 7
same.close(); block.close(); block.unlink()
""",
    "an executor of processes": """
from concurrent.futures import ProcessPoolExecutor
with ProcessPoolExecutor(2) as pool:
    assert list(pool.map(abs, [-1, -2])) == [1, 2]
""",
    "threads": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    assert list(pool.map(abs, range(-8, 0))) == list(range(8, 0, -1))
""",
    "a database": """
import sqlite3
with sqlite3.connect('own.db') as database:
    database.execute('pragma journal_mode = wal')
    database.execute('create table t (a)')
    database.execute('insert into t values (1)')
    assert database.execute('select a from t').fetchall() == [(1,)]
""",
    "temporary files": """
import os, tempfile
with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as file:
    os.rename(file.name, folder + '/moved')
    os.link(folder + '/moved', file.name)
""",
    "commands": """
import subprocess
assert subprocess.check_output('ls /usr | head -1', shell=True)
assert subprocess.run(['/usr/bin/env', 'true'], close_fds=True).returncode == 0
""",
    "commands of a loop": """
import asyncio
async def main():
    process = await asyncio.create_subprocess_exec('echo', 'hello', stdout=-1)
    return (await process.communicate())[0]
assert asyncio.run(main()) == b'hello\\n'
""",
    "a Python of its own": """
import subprocess, sys
assert subprocess.check_output([sys.executable, '-c', 'import ssl, sqlite3; print(1)']) == b'1\\n'
""",
    "names of hosts": "import socket; assert socket.getaddrinfo('localhost', 80)",
    "certificates": "import ssl; assert ssl.create_default_context()",
    "a server of its own": """
import socket
with socket.create_server(('127.0.0.1', 0)) as server:
    socket.create_connection(server.getsockname()).close()
with socket.socket(socket.AF_UNIX) as server:
    server.bind('own.sock'); server.listen()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect('own.sock')
""",
    "who and where it is": """
import os, platform, time
assert os.cpu_count() and platform.platform() and time.tzname
assert open('/proc/meminfo').read() and open('/proc/self/stat').read()
""",
    "signals to its own": """
import os, signal, subprocess
process = subprocess.Popen(['sleep', '60'])
os.kill(process.pid, signal.SIGTERM)
assert process.wait(5) == -signal.SIGTERM
""",
    "chance": "import os, secrets; assert os.urandom(8) and secrets.token_hex(8)",
}


@each_level
@pytest.mark.parametrize("code", WORKS.values(), ids=WORKS.keys())
def test_what_pipelines_do_works_behind_walls(at: Site, level: Level, code: str) -> None:
    outcome = at.attempt(code, level)
    assert not outcome.error, outcome.trace
    assert set(outcome.walls.values()) == {""}


def test_in_a_view_the_user_has_a_name(at: Site) -> None:
    if at.user is None and at.uid != os.getuid():
        pytest.skip("root stands in for the user, so that the name is its own")
    code = (
        "import os, pwd, grp; result = [pwd.getpwuid(os.getuid())[0], grp.getgrgid(os.getgid())[0]]"
    )
    assert at.attempt(code).result == ["pipeline", "pipeline"]


@pytest.fixture
def server() -> Iterator[int]:
    """The port of something that says hello once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            connection, _ = listening.accept()
            connection.sendall(b"hello")
            connection.close()

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


@each_level
def test_the_network_is_there(at: Site, level: Level, server: int) -> None:
    code = "import socket; result = socket.create_connection(('127.0.0.1', port)).recv(5).decode()"
    assert at.attempt(code, level, port=server).result == "hello"


@each_level
def test_files_that_an_execution_leaves_are_for_its_executor(at: Site, level: Level) -> None:
    code = "open('out', 'w').write('x'); import os; result = os.path.abspath('out')"
    assert Path(at.attempt(code, level).result).read_text() == "x"
