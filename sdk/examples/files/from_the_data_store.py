"""A pipeline that reads a file of the data store, and writes one for each of its executions."""

import io
from contextlib import suppress
from pathlib import Path

from pumphouse.sdk import Input, InputSource, NotFound, Output, OutputDestination, PumphouseSdk

HERE = Path(__file__).parent
PIPELINE = "summarise-stored"
FOLDER = "examples/summarise"


def create(sdk: PumphouseSdk) -> str:
    """The token of an endpoint that takes nothing and gives the number of rows."""
    sdk.create_pipeline(
        PIPELINE,
        function_path="main.py",
        function_name="summarise",
        container_config={"local_folder": str(HERE)},
        inputs=[Input("table", "file")],
        outputs=[Output("report", "file"), Output("rows", "number")],
    )
    endpoint = sdk.create_deployment(
        PIPELINE,
        PIPELINE,
        execution_rule="endpoint",
        inputs_mapping=[InputSource("table", datastore_path=f"{FOLDER}/sales.csv")],
        outputs_mapping=[
            OutputDestination("report", datastore_path=f"{FOLDER}/{{date}}/{{execution_id}}.txt")
        ],
    )
    return endpoint["endpoint_token"]


def show(sdk: PumphouseSdk, execution_id: str) -> None:
    for item in sdk.iter_data_store_objects(FOLDER):
        if execution_id in item["path"]:
            report = io.BytesIO()
            sdk.download_data_store_object(item["path"], report)
            print(item["path"].replace(execution_id, "<execution id>"), item["size"])
            print(report.read().decode(), end="")


def remove(sdk: PumphouseSdk) -> None:
    with suppress(NotFound):
        sdk.delete_pipeline(PIPELINE, force_deployments_deletion=True)
    for item in sdk.list_data_store_objects(FOLDER):
        sdk.delete_data_store_object(item["path"])


def main() -> None:
    with PumphouseSdk() as sdk:
        remove(sdk)
        token = create(sdk)
        for table in (HERE / "sales.csv", b"city,amount\nRome,1\n"):
            sdk.upload_data_store_object(table, f"{FOLDER}/sales.csv")
            called = sdk.trigger_endpoint(PIPELINE, token)
            print(called["outputs"])
            show(sdk, called["execution_id"])
        remove(sdk)


if __name__ == "__main__":
    main()
