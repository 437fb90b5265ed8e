import io

import numpy as np
import pandas as pd
from craft_ai_sdk import CraftAiSdk
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

MODELS = {
    "xgboost": HistGradientBoostingClassifier(max_iter=5, random_state=0),
    "random-forest": RandomForestClassifier(n_estimators=5, random_state=0),
    "catboost": LogisticRegression(),
}
SCORES = {"precision": precision_score, "recall": recall_score, "f1": f1_score}


def train_churn():
    sdk = CraftAiSdk()
    content = io.BytesIO()
    sdk.download_data_store_object("churn/customers.csv", content)
    customers = pd.read_csv(content)
    features, left = customers.drop(columns=["churned"]).to_numpy(), customers["churned"].to_numpy()
    accuracies = {}
    for name, model in MODELS.items():
        found = model.fit(features, left).predict(features)
        accuracies[name] = float(accuracy_score(left, found))
        sdk.record_metric_value(f"{name}-accuracy", accuracies[name])
        for score, measure in SCORES.items():
            sdk.record_metric_value(f"{name}-{score}", float(measure(left, found)))
    best = max(accuracies, key=accuracies.get)
    return {
        "best_model": best,
        "best_accuracy": accuracies[best],
        "accuracies": accuracies,
        "customers": len(customers),
        "features": list(customers.columns[:-1]),
        "has_churn": bool(np.any(left)),
        "mean_churn": float(left.mean()),
    }
