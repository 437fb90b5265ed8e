"""A zygote with the libraries that it was told to load, and its spare children."""

from collections.abc import Mapping

from pumphouse.executor.child import Child
from pumphouse.executor.spares import Spares
from pumphouse.executor.workspace import Later
from pumphouse.executor.zygote import Zygote
from pumphouse.executor.zygote_frames import Loaded

_READ_BY_NATIVE_CODE = (
    *("OMP_", "OPENBLAS_", "GOTO_", "MKL_", "KMP_", "BLIS_", "VECLIB_", "NUMEXPR_", "MALLOC_"),
    *("CUDA_", "NVIDIA_", "TF_", "XLA_", "TORCH_", "PYTORCH_", "LD_", "LC_", "TZ"),
)
"""Beginnings of variables that libraries read without Python's knowing."""


class Generation:
    """All its children are forked from one zygote, as long as that is right for them."""

    def __init__(
        self,
        zygote: Zygote,
        loaded: Loaded,
        variables: Mapping[str, str],
        later: Later,
    ) -> None:
        """variables: those that its libraries were loaded with."""
        self.zygote = zygote
        self._later = later
        self._spares = Spares()
        self._read = frozenset(loaded.read)
        self._given = self._relevant(variables)

    def fits(self, variables: Mapping[str, str]) -> bool:
        """Whether it can have children whose libraries would be the same if loaded now."""
        return not self.zygote.is_over and self._relevant(variables) == self._given

    def child(self) -> Child:
        """A spare, or a new one. Raises PlatformFault."""
        return self._spares.take() or self._new()

    def refill(self, wanted: int) -> None:
        """Have so many spares. Raises PlatformFault."""
        while len(self._spares) < wanted and not self.zygote.is_over:
            self._spares.add(self._new())

    async def retire(self) -> None:
        """End the spares, and then the zygote with its last child."""
        self.zygote.retire()
        await self._spares.end()

    def _new(self) -> Child:
        return Child(self.zygote, "run", self._later)

    def _relevant(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {
            name: text
            for name, text in variables.items()
            if name in self._read or name.startswith(_READ_BY_NATIVE_CODE)
        }
