import httpx
import pytest

from pumphouse.service import answering_health
from tests.processes import free_port


async def test_health_is_answered_for_as_long_as_the_service_is_ready() -> None:
    address = f"http://127.0.0.1:{(port := free_port())}"
    async with httpx.AsyncClient() as client:
        async with answering_health(port):
            for _ in range(2):
                answer = await client.get(f"{address}/healthz")
                assert (answer.status_code, answer.text) == (200, "ok\n")
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{address}/healthz")


async def test_nothing_else_is_answered() -> None:
    async with httpx.AsyncClient() as client, answering_health(port := free_port()):
        for method, path in (("GET", "/"), ("GET", "/healthz2"), ("POST", "/healthz")):
            answer = await client.request(method, f"http://127.0.0.1:{port}{path}")
            assert answer.status_code == 404


async def test_without_a_port_nobody_can_ask() -> None:
    async with answering_health(None):
        pass


async def test_a_port_that_is_taken_is_named() -> None:
    async with answering_health(port := free_port()):
        with pytest.raises(OSError, match=str(port)):
            async with answering_health(port):
                pass
