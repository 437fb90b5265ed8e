"""Describes each column of a table in a CSV file."""

import csv
import math
from collections import Counter
from statistics import fmean, median, pstdev
from typing import Any

MOST_COMMON = 5


def summarize(table: dict[str, str], delimiter: str) -> dict[str, Any]:
    with open(table["path"], newline="", encoding="utf-8-sig") as file:
        header, *rows = [row for row in csv.reader(file, delimiter=delimiter) if row] or [[]]
    if not header:
        raise ValueError("The table is empty: its first line must name the columns.")
    columns = {name: [cell(row, place) for row in rows] for place, name in enumerate(header)}
    return {
        "summary": {
            "rows": len(rows),
            "columns": {name: describe(cells) for name, cells in columns.items()},
        }
    }


def cell(row: list[str], place: int) -> str:
    """The text at a place; a row may be shorter than the header."""
    return row[place].strip() if place < len(row) else ""


def describe(cells: list[str]) -> dict[str, Any]:
    present = [text for text in cells if text]
    found = {"present": len(present), "missing": len(cells) - len(present)}
    numbers = [number(text) for text in present]
    values = [value for value in numbers if value is not None]
    if values and len(values) == len(present):
        return found | {"kind": "number"} | describe_numbers(values)
    return found | {
        "kind": "text",
        "distinct": len(set(present)),
        "most_common": dict(Counter(present).most_common(MOST_COMMON)),
    }


def number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def describe_numbers(values: list[float]) -> dict[str, float]:
    return {
        "min": min(values),
        "max": max(values),
        "mean": fmean(values),
        "median": median(values),
        "standard_deviation": pstdev(values),
    }
