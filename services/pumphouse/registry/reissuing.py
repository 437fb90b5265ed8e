"""Issuing executions again that a bus without a memory of its own has forgotten."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from pumphouse.bus import Bus
from pumphouse.errors import Unavailable
from pumphouse.registry.domain import Unfinished, next_step

log = logging.getLogger(__name__)

AT_ONCE = 100
PAUSE_S = 1.0


async def reissue(executions: Sequence[Unfinished], bus: Bus) -> None:
    """Publish for each of them what carries it on or ends it."""
    if executions:
        log.info("issuing %d unfinished executions again", len(executions))
    turns = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        for execution in executions:
            group.create_task(_reissue(execution, bus, turns))


async def _reissue(execution: Unfinished, bus: Bus, turns: asyncio.Semaphore) -> None:
    message = next_step(execution, datetime.now(UTC))
    async with turns:
        while True:
            try:
                return await bus.publish(message, correlation_id=message.execution_id)
            except Unavailable as error:
                log.debug("execution %s waits: %s", message.execution_id, error.message)
            await asyncio.sleep(PAUSE_S)
