"""Run a function every minute, and wait for the first time."""

import time
from contextlib import suppress
from pathlib import Path

from pumphouse.sdk import Input, InputSource, NotFound, Output, OutputDestination, PumphouseSdk


def main() -> None:
    with PumphouseSdk() as sdk:
        with suppress(NotFound):
            sdk.delete_pipeline("heartbeat", force_deployments_deletion=True)
        sdk.create_pipeline(
            "heartbeat",
            function_path="main.py",
            function_name="beat",
            container_config={"local_folder": str(Path(__file__).parent)},
            inputs=[Input("name", "string")],
            outputs=[Output("greeting", "string")],
        )
        deployment = sdk.create_deployment(
            "heartbeat",
            "heartbeat",
            execution_rule="periodic",
            schedule="* * * * *",
            inputs_mapping=[InputSource("name", constant_value="The pump")],
            outputs_mapping=[OutputDestination("greeting", is_null=True)],
        )
        print(deployment["human_readable_schedule"])
        while not (execution_id := sdk.get_deployment("heartbeat")["last_execution_id"]):
            time.sleep(2)
        sdk.retrieve_pipeline_execution_outputs(execution_id)
        for line in sdk.get_pipeline_execution_logs(execution_id):
            print(line["message"])
        sdk.delete_pipeline("heartbeat", force_deployments_deletion=True)


if __name__ == "__main__":
    main()
