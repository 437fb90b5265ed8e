"""A file goes into a run and into an endpoint, and another file comes out."""

from contextlib import suppress
from pathlib import Path

from pumphouse.sdk import Input, NotFound, Output, OutputDestination, PumphouseSdk

HERE = Path(__file__).parent
PIPELINE = "summarise"


def run(sdk: PumphouseSdk) -> None:
    done = sdk.run_pipeline(PIPELINE, inputs={"table": HERE / "sales.csv"})
    print("run:", done["outputs"]["rows"], "rows,", done["outputs"]["report"])


def call(sdk: PumphouseSdk) -> None:
    endpoint = sdk.create_deployment(
        PIPELINE,
        PIPELINE,
        execution_rule="endpoint",
        outputs_mapping=[OutputDestination("rows", is_null=True)],
    )
    with open(HERE / "sales.csv", "rb") as table:
        called = sdk.trigger_endpoint(PIPELINE, endpoint["endpoint_token"], {"table": table})
    print("endpoint:", called["outputs"]["report"])
    print("The same with curl:")
    print(
        f"curl {sdk.url}/endpoints/{endpoint['endpoint_url_path']} "
        f"-H 'Authorization: EndpointToken {endpoint['endpoint_token']}' "
        f"-F table=@{HERE / 'sales.csv'} -o report.txt"
    )


def main() -> None:
    with PumphouseSdk() as sdk:
        with suppress(NotFound):
            sdk.delete_pipeline(PIPELINE, force_deployments_deletion=True)
        sdk.create_pipeline(
            PIPELINE,
            function_path="main.py",
            function_name="summarise",
            container_config={"local_folder": str(HERE)},
            inputs=[Input("table", "file", is_required=True)],
            outputs=[Output("report", "file"), Output("rows", "number")],
        )
        run(sdk)
        call(sdk)


if __name__ == "__main__":
    main()
