"""The folders with the code of users."""

from pathlib import Path
from typing import Any

from tests.acceptance.users.client import CREATION_PARAMETER_VALUE

PIPELINES = Path(__file__).parent / "pipelines"


def code_in(folder: str, **more: Any) -> dict[str, Any]:
    """The container of all code in one of the folders, without requirements."""
    return {
        "local_folder": str(PIPELINES / folder),
        "included_folders": ["/"],
        "requirements_path": CREATION_PARAMETER_VALUE.NULL,
        **more,
    }
