"""Settings of the scheduler."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Read from PUMPHOUSE_<FIELD>.

    misfire_grace_s: a slot that nobody fired in time still fires when it is at most so old.
    ledger_days: how long the ledger remembers a slot.
    """

    database_url: str
    misfire_grace_s: float = 60
    ledger_days: float = 30
