"""What stays in the object store while a message says where it is."""

import msgspec


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that the platform keeps for one execution or deployment.

    key: in the platform's own bucket. size: in bytes. sha256: of the bytes, in hexadecimal; None
    for a file, whose bytes pass through once. name: what the file was called where it came from,
    without folders; None for a value.
    """

    key: str
    size: int
    sha256: str | None = None
    name: str | None = None
