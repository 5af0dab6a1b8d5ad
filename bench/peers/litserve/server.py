"""LitServe with its dynamic batching; https://lightning.ai/docs/litserve."""
import os
import sys

import litserve

sys.path.insert(0, os.environ["PEER_COMMON"])
from onnx_classifier import OnnxClassifier  # noqa: E402

BATCH = int(os.environ["PEER_BATCH"])


class Classifier(litserve.LitAPI):
    def setup(self, device):
        self.classify = OnnxClassifier()

    def decode_request(self, request):
        return request["text"]

    def predict(self, inputs):
        return self.classify(inputs) if BATCH > 1 else self.classify([inputs])[0]

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    api = Classifier(max_batch_size=BATCH, batch_timeout=0.005 if BATCH > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(os.environ["PEER_WORKERS"]))
    server.run(host="127.0.0.1", port=int(os.environ["PEER_PORT"]), log_level="error", generate_client_file=False)
