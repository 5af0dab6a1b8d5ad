"""What every Python peer runs: HuggingFace tokenizers, then the family's portable model.onnx on ONNX Runtime. A batch is
padded to its longest text. The bench says what to load and how many threads to use in PEER_ variables."""
import json
import os

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


class OnnxClassifier:
    def __init__(self):
        self.labels = json.loads(os.environ["PEER_LABELS"])
        self.tokenizer = Tokenizer.from_file(os.environ["PEER_TOKENIZER"])
        self.tokenizer.enable_truncation(int(os.environ["PEER_MAX_TOKENS"]))
        self.tokenizer.enable_padding(pad_id=self.tokenizer.token_to_id("[PAD]"), pad_token="[PAD]")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["PEER_THREADS"])
        self.session = onnxruntime.InferenceSession(
            os.environ["PEER_MODEL"], options, providers=[os.environ.get("PEER_PROVIDER", "CPUExecutionProvider")]
        )
        self(["warm-up"])

    def __call__(self, texts: list[str]) -> list[dict]:
        encoded = self.tokenizer.encode_batch(texts)
        feeds = {
            "input_ids": np.array([one.ids for one in encoded], dtype=np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], dtype=np.int64),
        }
        logits = self.session.run(["logits"], feeds)[0]
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponents / exponents.sum(axis=1, keepdims=True)
        best = probabilities.argmax(axis=1)
        return [
            {"label": self.labels[label], "probability": float(probabilities[row, label])} for row, label in enumerate(best)
        ]
