"""Settings of the registry."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Read from PUMPHOUSE_<FIELD>.

    database_url: a Postgres database that this service may create a schema in.
    admin_token: SDK token of the user `admin`; another one replaces it at the next start.
    reissue_on_start: for a bus that keeps nothing itself: issue what has not ended again.
    """

    database_url: str
    admin_token: str
    reissue_on_start: bool = False
