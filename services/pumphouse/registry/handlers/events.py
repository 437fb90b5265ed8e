"""Events of executions, and triggers and plans that nobody could carry on."""

import logging
from datetime import UTC, datetime

from pumphouse.bus import Bus, Envelope, Handlers
from pumphouse.contracts.executions import (
    ExecutionFinished,
    ExecutionLogged,
    ExecutionStarted,
    PlanResolved,
    TriggerAccepted,
)
from pumphouse.registry.batches import Event, identified
from pumphouse.registry.domain import abandoned
from pumphouse.registry.journal import Journal

log = logging.getLogger(__name__)


class EventHandlers:
    """Delivered twice, an event changes nothing: the record only moves forward."""

    def __init__(self, journal: Journal, bus: Bus) -> None:
        self._journal = journal
        self._bus = bus

    @property
    def events(self) -> Handlers:
        kinds = (TriggerAccepted, ExecutionStarted, ExecutionLogged, ExecutionFinished)
        return dict.fromkeys(kinds, self._happened)

    @property
    def dead(self) -> Handlers:
        return {TriggerAccepted: self._died, PlanResolved: self._died}

    async def _happened(self, event: Event, _: Envelope) -> None:
        identified(event)
        await self._journal.store(event)

    async def _died(self, message: TriggerAccepted | PlanResolved, envelope: Envelope) -> None:
        reference = envelope.message_id
        log.error(
            "execution %s cannot go on: %s (reference %s)",
            message.execution_id,
            envelope.reason,
            reference,
        )
        end = abandoned(message.execution_id, message.attempt, reference, datetime.now(UTC))
        await self._bus.publish(end, correlation_id=envelope.correlation_id)
        if envelope.reply_to is not None and envelope.correlation_id is not None:
            await self._bus.reply(end, to=envelope.reply_to, correlation_id=envelope.correlation_id)
