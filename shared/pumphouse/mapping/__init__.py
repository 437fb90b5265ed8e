"""The rules of types, mappings and schedules that services share. Pure: no I/O, no clock."""

from pumphouse.mapping.admission import MAX_INPUTS_BYTES, admit
from pumphouse.mapping.completion import complete
from pumphouse.mapping.declarations import check_declarations
from pumphouse.mapping.schedules import (
    check_schedule,
    describe_schedule,
    latest_slots,
    next_slot,
    slots_between,
)
from pumphouse.mapping.values import check, parse_text

__all__ = [
    "MAX_INPUTS_BYTES",
    "admit",
    "check",
    "check_declarations",
    "check_schedule",
    "complete",
    "describe_schedule",
    "latest_slots",
    "next_slot",
    "parse_text",
    "slots_between",
]
