"""Small functions that try one thing each, as an acceptance team writes them."""

import csv
import json
import math
import os
import urllib.request


def no_io():
    print("nothing in, nothing out")


def io_value(num_i, text_i, json_i):
    return {"text_o": f"{text_i}{num_i}", "json_o": {**json_i, "seen": True}, "bool_o": num_i > 0}


def io_file(file_endpoint_i, file_datastore_i):
    with open("file_endpoint_o.txt", "wb") as joined:
        for given in (file_endpoint_i, file_datastore_i):
            with open(given["path"], "rb") as file:
                joined.write(file.read())
    return {"file_endpoint_o": {"path": "file_endpoint_o.txt"}}


def multi_io(text, number, flag, table, items, first, second):
    sizes = [os.path.getsize(file["path"]) for file in (first, second)]
    with open("summary.json", "w") as file:
        json.dump(table, file)
    return {
        "text": text.upper(),
        "number": number * 2,
        "flag": not flag,
        "table": {"sizes": sizes},
        "items": items[::-1],
        "summary": {"path": "summary.json"},
    }


def two_files():
    with open("text.txt", "w") as file:
        file.write("written by a pipeline")
    with open("table.csv", "w", newline="") as file:
        csv.writer(file).writerows([["id", "name"], [1, "Ada"]])
    return {"txtFile": {"path": "text.txt"}, "csvFile": {"path": os.path.abspath("table.csv")}}


def read_file(entryFile):
    with open(entryFile["path"]) as file:
        for line in file:
            print(line, end="")


def coerced(int_value, dictionary):
    kinds = [type(int_value).__name__, type(dictionary).__name__]
    return {"result": [int_value, sorted(dictionary.items()), *kinds]}


def failing_step():
    print("about to fail")
    return 1 / 0


def not_a_number(how):
    return {"scores": {"mean": [0.5, getattr(math, how)]}}


def query_database(ids):
    """Asks a server that only variables name, as one asks a database."""
    names = ("HOST", "PORT", "ADMIN", "PASS", "NAME")
    settings = {name: os.environ[f"DB_{name}"] for name in names}
    request = urllib.request.Request(
        "http://{HOST}:{PORT}/{NAME}".format_map(settings),
        data=json.dumps(ids).encode(),
        headers={"X-Admin": settings["ADMIN"], "X-Password": settings["PASS"]},
    )
    with urllib.request.urlopen(request, timeout=20) as reply:
        return {"filtered_data": json.load(reply)}


def call_another(number):
    """Calls the endpoint that a variable names, with its token."""
    target = json.loads(os.environ["OTHER_ENDPOINT"])
    request = urllib.request.Request(
        target["url"],
        data=json.dumps({"value": number}).encode(),
        headers={
            "Authorization": f"EndpointToken {target['token']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return {"answer": json.load(reply)["outputs"]["squared"]}


def square(value):
    return {"squared": value * value}
