"""Small JSON files that only their owner may read."""

import os
import secrets
import tempfile
from pathlib import Path

import msgspec

from pumphouse.errors import Conflict, Invalid


class Secrets(msgspec.Struct, frozen=True):
    """What an installation makes up once and keeps.

    secret_key: for sealing. admin_token: SDK token of the first user. database_password: of the
    embedded Postgres. object_store_secret: of the embedded object store, which takes a new one as
    well; files of versions without that store lack it.
    """

    secret_key: str
    admin_token: str
    database_password: str
    object_store_secret: str = ""


class Connection(msgspec.Struct, frozen=True):
    """How a client reaches the running platform.

    token: SDK token of the first user; None when it was replaced, so that only its user has it.
    """

    url: str
    token: str | None


def kept_secrets(file: Path, *, belong_to: Path) -> Secrets:
    """The secrets in `file`, which is made when there is none.

    Raises Invalid when it cannot be read, and Conflict when it is gone but the folder
    `belong_to`, which cannot be used without it, is there.
    """
    try:
        return _completed(msgspec.json.decode(file.read_bytes(), type=Secrets), file)
    except FileNotFoundError:
        pass
    except msgspec.DecodeError as error:
        raise Invalid(f"The file {file} cannot be used: {error}") from error
    if belong_to.exists():
        raise Conflict(
            f"The file {file} is gone, and {belong_to} cannot be opened without it:"
            " put it back, or choose another folder with --data."
        )
    made = Secrets(
        secret_key=secrets.token_urlsafe(32),
        admin_token=_made_up_token(),
        database_password=secrets.token_urlsafe(24),
        object_store_secret=secrets.token_urlsafe(24),
    )
    write_private(file, made)
    return made


def with_new_token(kept: Secrets, file: Path) -> Secrets:
    """The secrets with another token for the first user, which `file` then holds."""
    renewed = msgspec.structs.replace(kept, admin_token=_made_up_token())
    write_private(file, renewed)
    return renewed


def _made_up_token() -> str:
    return secrets.token_urlsafe(32)


def _completed(found: Secrets, file: Path) -> Secrets:
    if found.object_store_secret:
        return found
    completed = msgspec.structs.replace(found, object_store_secret=secrets.token_urlsafe(24))
    write_private(file, completed)
    return completed


def write_private(file: Path, content: msgspec.Struct) -> None:
    """Write `content` as JSON, mode 0600; readers see all of it or nothing."""
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".writing-")
    with os.fdopen(handle, "wb") as opened:
        opened.write(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(temporary, file)
