import io

import joblib
import pandas as pd
from craft_ai_sdk import CraftAiSdk


def predictIris(input_data, input_model_path):
    content = io.BytesIO()
    CraftAiSdk().download_data_store_object(input_model_path, content)
    model = joblib.load(content)
    frame = pd.DataFrame.from_dict(input_data, orient="index")
    return {"predictions": dict(enumerate(model.predict(frame.to_numpy()).tolist()))}


def serveIris(input_data, input_model):
    model = joblib.load(input_model["path"])
    print("model loaded with", model.n_neighbors, "neighbours")
    frame = pd.DataFrame.from_dict(input_data, orient="index")
    found = model.predict(frame.to_numpy()).tolist()
    return {"predictions": {"classes": found, "neighbors": model.n_neighbors}}
