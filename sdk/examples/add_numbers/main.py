"""The code that the platform runs."""


def add(number1: float, number2: float) -> dict[str, float]:
    return {"number3": number1 + number2}
