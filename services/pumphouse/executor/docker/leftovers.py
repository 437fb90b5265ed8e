"""Containers of executors that are gone."""

import json
import logging
import os
import secrets
from collections.abc import Collection
from pathlib import Path

from pumphouse.errors import Unavailable
from pumphouse.executor.docker.container import Container
from pumphouse.executor.docker.engine import Engine, EngineRefused, translated

log = logging.getLogger(__name__)

HOME_LABEL = "pumphouse.home"
OWNER_LABEL = "pumphouse.executor"

_FILE = "containers-belong-to"


def home_of(work_dir: Path) -> str:
    """What tells the containers of a work folder's executors from those of other folders.

    A path would not do: on other hosts of the same engine it may name another folder.
    Raises OSError.
    """
    file = work_dir / _FILE
    if not file.exists():
        temporary = work_dir / f"{_FILE}.{secrets.token_hex(8)}"
        temporary.write_text(secrets.token_hex(16))
        try:
            os.link(temporary, file)
        except FileExistsError:
            pass  # another executor was first
        finally:
            temporary.unlink()
    return file.read_text()


async def sweep(engine: Engine, home: str, living: Collection[str]) -> None:
    """Remove the containers of this home whose executor does not live any more."""
    filters = json.dumps({"label": [f"{HOME_LABEL}={home}"]})
    try:
        with translated():
            found = await engine.docker.containers.list(all=True, filters=filters)
        dead = [one.id for one in found if one["Labels"].get(OWNER_LABEL) not in living]
        for identifier in dead:
            await Container(engine, identifier).remove()
    except (EngineRefused, Unavailable) as error:
        log.warning("Containers of executors that are gone were not looked for: %s", error)
        return
    if dead:
        log.info("Removed %d containers of executors that are gone.", len(dead))
