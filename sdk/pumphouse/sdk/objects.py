"""Objects of the data store as users see them."""

from typing import Any, cast

from pumphouse.sdk.results import DataStoreObject

_UNITS = ("B", "KB", "MB", "GB", "TB")


def shown_object(item: dict[str, Any]) -> DataStoreObject:
    """An object as the platform gives it, with its size as text."""
    return cast(DataStoreObject, {**item, "size": size_as_text(item["size"])})


def size_as_text(size: float) -> str:
    """A number of bytes as `1.50 KB`, in powers of 1024."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.2f} {_UNITS[unit]}"
