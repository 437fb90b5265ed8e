"""Objects that handlers share although Litestar copies its handlers."""

from typing import Any, Self


class Shared:
    """Is its own deep copy.

    Litestar copies each handler when it registers it, down to the object that a method is bound to.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self
