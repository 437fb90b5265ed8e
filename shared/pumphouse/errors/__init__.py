"""Everything the platform raises on purpose.

    PumphouseError
    ├── Invalid          what was sent cannot be used; the message names what to change
    │   └── TooLarge
    ├── Unauthorized     no credentials, or wrong ones
    ├── Forbidden        the credentials are right but do not allow this
    ├── NotFound
    ├── Conflict         the name is taken, a dependant exists, the deployment is disabled
    ├── NotSupported     a documented feature that this installation does not have
    └── Unavailable      a server or service does not answer now; a retry may help

The domain says what happened. The gateway alone turns a class into an HTTP status, the bus alone
turns one into an acknowledgement, a retry or a dead letter.
"""

from typing import Any, ClassVar


class PumphouseError(Exception):
    """Base of the tree.

    message: what happened and what to change, for the person who caused it.
    details: anything JSON can hold, for programs; None when the message says it all.
    """

    code: ClassVar[str] = "Internal"

    def __init__(self, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Invalid(PumphouseError):
    code = "InvalidParameters"


class TooLarge(Invalid):
    code = "TooLarge"


class Unauthorized(PumphouseError):
    code = "Unauthorized"


class Forbidden(PumphouseError):
    code = "Forbidden"


class NotFound(PumphouseError):
    code = "NotFound"


class Conflict(PumphouseError):
    code = "Conflict"


class NotSupported(PumphouseError):
    code = "NotSupported"


class Unavailable(PumphouseError):
    code = "Unavailable"


def tree(root: type[PumphouseError] = PumphouseError) -> list[type[PumphouseError]]:
    """The class `root` and all below it."""
    return [root, *(kind for child in root.__subclasses__() for kind in tree(child))]


def named(code: str) -> type[PumphouseError]:
    """The class whose code is `code`; PumphouseError itself for an unknown one."""
    return next((kind for kind in tree() if kind.code == code), PumphouseError)
