"""The code that the platform runs. None counts as nothing to add."""


def add(number1: float | None, number2: float | None) -> dict[str, float]:
    return {"number3": (number1 or 0) + (number2 or 0)}
