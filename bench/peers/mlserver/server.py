"""MLServer with its adaptive batching and parallel workers; https://mlserver.readthedocs.io. Started as `mlserver start`."""
import os
import sys

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

sys.path.insert(0, os.environ["PEER_COMMON"])
from onnx_classifier import OnnxClassifier  # noqa: E402


class Classifier(MLModel):
    async def load(self) -> bool:
        self.classifier = OnnxClassifier()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        answers = self.classifier(StringCodec.decode_input(payload.inputs[0]))
        labels = [answer["label"] for answer in answers]
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("label", labels)])
