"""Settings of the mapping-resolver."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to set: all that it needs comes over the bus."""
