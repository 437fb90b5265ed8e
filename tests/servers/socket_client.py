"""An HTTP client that reaches whatever host by one Unix socket."""

import socket
from typing import Any

from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection


class SocketClient(PoolManager):
    def __init__(self, path: str) -> None:
        super().__init__()

        class Connection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                made = socket.socket(socket.AF_UNIX)
                made.connect(path)
                return made

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        self.pool_classes_by_scheme: dict[str, Any] = {"http": Pool}
