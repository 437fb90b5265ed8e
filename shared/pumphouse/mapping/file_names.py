"""What a file is called once it is here: a copy for a function, or one that it returned."""

import unicodedata

MAX_BYTES = 255
MAX_SUFFIX_BYTES = 32
NAMELESS = "file"


def clean_file_name(given: str | None, instead: str = NAMELESS) -> str:
    """The last segment of a name or path from elsewhere, such that any file system takes it.

    instead: taken when nothing is left of the name, and cleaned as well.
    """
    return _cleaned(given or "") or _cleaned(instead) or NAMELESS


def _cleaned(name: str) -> str:
    segment = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(c for c in segment if unicodedata.category(c) not in ("Cc", "Cs")).strip()
    return _shortened(shown) if shown.strip(".") else ""


def _shortened(name: str) -> str:
    """The name in at most MAX_BYTES bytes of UTF-8, with its suffix."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = f"{dot}{suffix}".encode()
    if not stem or len(ending) > MAX_SUFFIX_BYTES:
        return name.encode()[:MAX_BYTES].decode(errors="ignore")
    return stem.encode()[: MAX_BYTES - len(ending)].decode(errors="ignore") + ending.decode()
