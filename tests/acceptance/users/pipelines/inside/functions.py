"""Functions that call the platform they run on."""

import math
import os

from craft_ai_sdk import CraftAiSdk


def chart_metrics():
    sdk = CraftAiSdk()
    value = float(os.environ.get("LAST_METRIC_VALUE", "0")) + 1
    sdk.create_or_update_environment_variable("LAST_METRIC_VALUE", value)
    sdk.record_metric_value("chart", value)


def metrics_list():
    sdk = CraftAiSdk()
    for point in range(500):
        sdk.record_list_metric_values("points", point)
    sdk.record_list_metric_values("log curve", [math.log(n) for n in range(1, 101)])
    sdk.record_metric_value("last", 1)
    sdk.record_metric_value("last", 2.5)


def env_var_perf(value_i):
    sdk = CraftAiSdk()
    before = os.environ["GREETING"]
    sdk.create_or_update_environment_variable("GREETING", value_i)
    os.environ["GREETING"] = "changed here alone"
    listed = {found["name"]: found["value"] for found in sdk.list_environment_variables()}
    return {"value_o": f"{before} {listed['GREETING']}"}


def overreach():
    CraftAiSdk().delete_pipeline("overreach")
