"""Log lines as the HTTP API shows them."""

import msgspec

from pumphouse.contracts.executions import LogLine
from pumphouse.gateway.answers import Moment


class ShownLine(msgspec.Struct, frozen=True):
    """One line that was written."""

    timestamp: Moment
    message: str


def show_line(line: LogLine) -> ShownLine:
    return ShownLine(line.at, line.text)
