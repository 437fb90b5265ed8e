"""The code that the platform runs every minute."""


def beat(name: str) -> dict[str, str]:
    print(f"{name} is alive")
    return {"greeting": f"Hello from {name}"}
