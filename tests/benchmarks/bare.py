"""The same function behind a bare Litestar app on the same server: the floor to compare with."""

import sys

import uvicorn
from litestar import Litestar, post


@post("/endpoints/add", status_code=200)
async def add(data: dict[str, int]) -> dict[str, dict[str, int]]:
    return {"output": {"number3": data["number1"] + data["number2"]}}


app = Litestar([add], openapi_config=None)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
