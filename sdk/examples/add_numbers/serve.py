"""Serve `add` behind an endpoint and call it. Run it again: it keeps what is there.

PUMPHOUSE_URL=... PUMPHOUSE_TOKEN=... python sdk/examples/add_numbers/serve.py
"""

import json
from contextlib import suppress
from pathlib import Path

from pumphouse.sdk import Input, NotFound, Output, PumphouseSdk
from pumphouse.sdk.results import Deployment

INPUTS = {"number1": 9, "number2": 6}


def ensure_pipeline(sdk: PumphouseSdk) -> None:
    try:
        sdk.get_pipeline("add")
    except NotFound:
        sdk.create_pipeline(
            "add",
            function_path="main.py",
            function_name="add",
            description="Adds two numbers",
            container_config={"local_folder": str(Path(__file__).parent)},
            inputs=[Input("number1", "number"), Input("number2", "number")],
            outputs=[Output("number3", "number")],
        )


def ensure_endpoint(sdk: PumphouseSdk) -> Deployment:
    with suppress(NotFound):
        found = sdk.get_deployment("add", wait_for_completion=True)
        if found["execution_rule"] == "endpoint" and found["mode"] == "low_latency":
            return found if found["is_enabled"] else sdk.update_deployment("add", is_enabled=True)
        sdk.delete_deployment("add")
    return sdk.create_deployment("add", "add", execution_rule="endpoint", mode="low_latency")


def main() -> None:
    with PumphouseSdk() as sdk:
        ensure_pipeline(sdk)
        endpoint = ensure_endpoint(sdk)
        token = endpoint["endpoint_token"]
        outputs = sdk.trigger_endpoint("add", token, INPUTS)["outputs"]
        address = f"{sdk.url}/endpoints/{endpoint['endpoint_url_path']}"
    print(f"add({INPUTS['number1']}, {INPUTS['number2']}) gave {json.dumps(outputs)}")
    print("Call it yourself:")
    print(
        f"curl -X POST {address} -H 'Authorization: EndpointToken {token}'"
        f" -H 'Content-Type: application/json' -d '{json.dumps(INPUTS)}'"
    )


if __name__ == "__main__":
    main()
