"""The rules of types, mappings and schedules that services share. Pure: no I/O, no clock."""

from pumphouse.mapping.admission import MAX_INPUTS_BYTES, Admitted, admit
from pumphouse.mapping.completion import complete
from pumphouse.mapping.declarations import check_declarations
from pumphouse.mapping.file_names import clean_file_name
from pumphouse.mapping.paths import clean_folder, clean_path, clean_target, fill_in
from pumphouse.mapping.schedules import (
    check_schedule,
    describe_schedule,
    latest_slots,
    next_slot,
    slots_between,
)
from pumphouse.mapping.sizes import bytes_of, memory_of
from pumphouse.mapping.values import check, parse_text

__all__ = [
    "MAX_INPUTS_BYTES",
    "Admitted",
    "admit",
    "bytes_of",
    "check",
    "check_declarations",
    "check_schedule",
    "clean_file_name",
    "clean_folder",
    "clean_path",
    "clean_target",
    "complete",
    "describe_schedule",
    "fill_in",
    "latest_slots",
    "memory_of",
    "next_slot",
    "parse_text",
    "slots_between",
]
