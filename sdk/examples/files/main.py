"""The code that the platform runs: a CSV file in, a report out."""

import csv


def summarise(table: dict[str, str]) -> dict[str, object]:
    with open(table["path"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    totals: dict[str, float] = {}
    for row in rows:
        totals[row["city"]] = totals.get(row["city"], 0) + float(row["amount"])
    with open("report.txt", "w", encoding="utf-8") as report:
        report.writelines(f"{city}: {total:g}\n" for city, total in sorted(totals.items()))
    return {"report": {"path": "report.txt"}, "rows": len(rows)}
