"""PyTorch's anchor for the `gpu` bench: the same encoder shape with random weights, over sequences of the same lengths, in
half precision on CUDA (float32 on a CPU). Usage: python3 pytorch-infer.py --config JSON --lengths FILE --max-tokens 16384
--max-rows 128 --seconds 5 [--device cuda|cpu]. Lengths are a JSON array of token counts, special tokens included. Prints
one JSON object. Texts are tokenised, padded and on the device beforehand: only the model is timed."""
import argparse, json, time
import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification

parser = argparse.ArgumentParser()
parser.add_argument("--config", required=True)
parser.add_argument("--lengths", required=True)
parser.add_argument("--max-tokens", type=int, required=True)
parser.add_argument("--max-rows", type=int, required=True)
parser.add_argument("--seconds", type=float, default=5)
parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
options = parser.parse_args()
device = options.device
dtype = torch.float16 if device == "cuda" else torch.float32
shape = json.loads(options.config)
config = BertConfig(
    vocab_size=shape["vocabSize"],
    hidden_size=shape["hiddenSize"],
    num_hidden_layers=shape["layers"],
    num_attention_heads=shape["heads"],
    intermediate_size=shape["intermediateSize"],
    max_position_embeddings=shape["maxPositions"],
    num_labels=shape["labels"],
    attn_implementation="sdpa",
)
torch.manual_seed(1)
model = BertForSequenceClassification(config).to(device, dtype).eval()
lengths = json.load(open(options.lengths))


def batches(order):
    """As full as the limits allow, each padded to its longest sequence."""
    made, rows = [], []
    for length in order:
        longest = max([length, *rows])
        if rows and (len(rows) == options.max_rows or (len(rows) + 1) * longest > options.max_tokens):
            made.append(rows)
            rows = []
        rows = [*rows, length]
    return [*made, rows]


def inputs(rows):
    longest = max(rows)
    ids = torch.randint(1000, shape["vocabSize"], (len(rows), longest), device=device)
    mask = (torch.arange(longest, device=device)[None, :] < torch.tensor(rows, device=device)[:, None]).long()
    return {"input_ids": ids * mask, "attention_mask": mask}


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


@torch.inference_mode()
def throughput(order):
    prepared = [inputs(rows) for rows in batches(order)]
    for one in prepared:
        model(**one)
    wait()
    began, passes = time.perf_counter(), 0
    while passes == 0 or time.perf_counter() - began < options.seconds:
        for one in prepared:
            model(**one)
        wait()
        passes += 1
    seconds = time.perf_counter() - began
    return passes * len(order) / seconds


@torch.inference_mode()
def single(tokens, runs=100):
    one = inputs([tokens])
    times = []
    for index in range(runs + 10):
        began = time.perf_counter()
        model(**one).logits.cpu()
        if index >= 10:
            times.append((time.perf_counter() - began) * 1e3)
    return sorted(times)[len(times) // 2]


print(
    json.dumps(
        {
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
            "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
            "precision": str(dtype).removeprefix("torch."),
            "paddedSequencesPerSecond": throughput(lengths),
            "sortedSequencesPerSecond": throughput(sorted(lengths, reverse=True)),
            "single128P50Ms": single(min(128, shape["maxPositions"])),
        }
    )
)
