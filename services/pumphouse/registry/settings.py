"""Settings of the registry."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Read from PUMPHOUSE_<FIELD>.

    database_url: a Postgres database that this service may create a schema in.
    s3_url: of the object store, `http://KEY:SECRET@host/BUCKET`, whose files it deletes.
    admin_token: SDK token of the user `admin`. One that is not that of the last start replaces the
    user's; the same one leaves a token alone that the user was given since.
    reissue_on_start: for a bus that keeps nothing itself: issue what has not ended again.
    sweep_every_s: pause between two looks for files in the store that belong to nothing.
    unfinished_upload_life_s: age from which on an upload without an end, or a file without an
    owner, is deleted by such a look.
    sample_life_s: how long it is remembered how busy the machines of the executors were.
    """

    database_url: str
    s3_url: str
    admin_token: str
    reissue_on_start: bool = False
    sweep_every_s: float = 6 * 3600
    unfinished_upload_life_s: float = 86_400
    sample_life_s: float = 7 * 86_400
