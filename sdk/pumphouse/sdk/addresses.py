"""Names to paths of the platform."""

from urllib.parse import quote

from pumphouse.sdk.errors import InvalidParameters


def path(*segments: str) -> str:
    """A URL path. Raises InvalidParameters for a segment that would change its meaning."""
    for segment in segments:
        if not isinstance(segment, str) or segment in ("", ".", ".."):
            raise InvalidParameters(f"{segment!r} is not a name.")
    return "/".join(quote(segment, safe="") for segment in segments)
