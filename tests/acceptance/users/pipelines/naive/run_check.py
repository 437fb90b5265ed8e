from agents.compare import find_differences


def check_documentation(**context):
    old, new = "The limit is 5.", "The limit is 6."
    print("checking", len(context), "documents")
    return {"consistent": old == new, "differences": find_differences(old, new)}
