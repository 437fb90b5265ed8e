"""Tells how far the numbers of a table have moved from those of a reference table."""

import csv
import math
from bisect import bisect_right
from typing import Any

BINS = 10
LEAST_SHARE = 0.0001


def check(current: dict[str, str], reference: dict[str, str], threshold: float) -> dict[str, Any]:
    before, now = numeric_columns(reference["path"]), numeric_columns(current["path"])
    common = [name for name in before if name in now]
    if not common:
        raise ValueError("The two tables have no column of numbers in common.")
    shifts = {name: stability_index(before[name], now[name]) for name in common}
    drifted = [name for name, shift in shifts.items() if shift > threshold]
    return {
        "has_drifted": bool(drifted),
        "report": {
            "drifted": drifted,
            "shifts": shifts,
            "only_in_reference": [name for name in before if name not in now],
            "only_in_current": [name for name in now if name not in before],
        },
    }


def numeric_columns(path: str) -> dict[str, list[float]]:
    """The columns whose cells are all numbers or empty, and not all empty."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else {}) if name is not None]
    columns = {name: numbers([row[name] or "" for row in rows]) for name in names}
    return {name: values for name, values in columns.items() if values}


def numbers(cells: list[str]) -> list[float]:
    """The numbers of a column; none when it holds anything else."""
    try:
        values = [float(text) for text in cells if text.strip()]
    except ValueError:
        return []
    return values if all(map(math.isfinite, values)) else []


def stability_index(before: list[float], now: list[float]) -> float:
    """The population stability index: 0 for equal shares, above 0.2 for a notable shift."""
    ordered = sorted(before)
    edges = sorted({ordered[len(ordered) * place // BINS] for place in range(1, BINS)})
    expected, found = shares(before, edges), shares(now, edges)
    return sum((b - a) * math.log(b / a) for a, b in zip(expected, found, strict=True))


def shares(values: list[float], edges: list[float]) -> list[float]:
    """The share of the values in each bin; never 0, which has no logarithm."""
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect_right(edges, value)] += 1
    return [max(count / len(values), LEAST_SHARE) for count in counts]
