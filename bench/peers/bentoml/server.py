"""BentoML with its adaptive batching; https://docs.bentoml.com. Started as `python -m bentoml serve server:Classifier`."""
import os
import sys

import bentoml

sys.path.insert(0, os.environ["PEER_COMMON"])
from onnx_classifier import OnnxClassifier  # noqa: E402

BATCH = int(os.environ["PEER_BATCH"])
# BentoML refuses a batch size of 1: such a method is not batchable
BATCHING = {"batchable": True, "max_batch_size": BATCH, "max_latency_ms": 60_000} if BATCH > 1 else {}


@bentoml.service(workers=int(os.environ["PEER_WORKERS"]), traffic={"timeout": 60})
class Classifier:
    def __init__(self):
        self.classifier = OnnxClassifier()

    @bentoml.api(**BATCHING)
    def classify(self, texts: list[str]) -> list[dict]:
        return self.classifier(texts)
