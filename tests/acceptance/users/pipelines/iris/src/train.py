import io

import joblib
import pandas as pd
from craft_ai_sdk import CraftAiSdk
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

DATASET = "get_started/dataset/iris.csv"
MODEL = "get_started/models/iris_knn_model.joblib"


def fit(dataset, neighbors):
    features = dataset.drop(columns=["target"]).to_numpy()
    kept, left = train_test_split(
        dataset.index.to_numpy(), test_size=0.2, random_state=0, stratify=dataset["target"]
    )
    model = KNeighborsClassifier(n_neighbors=neighbors)
    model.fit(features[kept], dataset["target"].to_numpy()[kept])
    print("accuracy:", model.score(features[left], dataset["target"].to_numpy()[left]))
    return model


def read_dataset(sdk):
    content = io.BytesIO()
    sdk.download_data_store_object(DATASET, content)
    return pd.read_csv(content)


def trainIris():
    sdk = CraftAiSdk()
    model = fit(read_dataset(sdk), neighbors=5)
    joblib.dump(model, "iris_knn_model.joblib")
    sdk.upload_data_store_object("iris_knn_model.joblib", MODEL)


def retrainIris():
    model = fit(read_dataset(CraftAiSdk()), neighbors=3)
    joblib.dump(model, "retrained.joblib")
    return {"model": {"path": "retrained.joblib"}}
