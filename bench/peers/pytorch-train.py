"""PyTorch's anchor for the `train` bench: the same architectures, batch sizes and step (forward, backward, gradient
clipping, fused AdamW, dropout). Usage: python3 pytorch-train.py --architectures minilm,tinybert --batch-sizes 16,32
--tokens 256 --steps 10 [--device cuda|cpu]. Prints one JSON object a line."""
import argparse, json, time
import torch
from transformers import BertConfig, BertForSequenceClassification

SHAPES = {
    "bert-base": (12, 768, 12, 3072),
    "distilbert": (6, 768, 12, 3072),
    "custom-6x512": (6, 512, 8, 2048),
    "tinybert": (4, 312, 12, 1200),
    "minilm": (12, 384, 12, 1536),
    "custom-2x384": (2, 384, 12, 1536),
}
parser = argparse.ArgumentParser()
parser.add_argument("--architectures", default="bert-base,minilm,tinybert")
parser.add_argument("--batch-sizes", default="16,32,64")
parser.add_argument("--tokens", type=int, default=256)
parser.add_argument("--steps", type=int, default=10)
parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
options = parser.parse_args()
device = options.device
torch.backends.cuda.matmul.allow_tf32 = True


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


for name in options.architectures.split(","):
    layers, hidden, heads, intermediate = SHAPES[name]
    for mode in ("tf32", "bf16") if device == "cuda" else ("fp32",):
        for batch in map(int, options.batch_sizes.split(",")):
            config = BertConfig(num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=heads, intermediate_size=intermediate)
            model = BertForSequenceClassification(config).to(device).train()
            optimiser = torch.optim.AdamW(model.parameters(), lr=2e-5, fused=True)
            ids = torch.randint(1, 30000, (batch, options.tokens), device=device)
            mask = torch.ones_like(ids)
            labels = torch.randint(0, 2, (batch,), device=device)

            def step():
                optimiser.zero_grad(set_to_none=True)
                with torch.autocast(device, torch.bfloat16, enabled=mode == "bf16"):
                    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()

            for _ in range(3):
                step()
            wait()
            began = time.perf_counter()
            for _ in range(options.steps):
                step()
            wait()
            seconds = (time.perf_counter() - began) / options.steps
            memory = torch.cuda.max_memory_reserved() / 2**20 if device == "cuda" else None
            print(json.dumps({"engine": f"PyTorch {torch.__version__} {mode}", "architecture": name, "batchSize": batch,
                              "tokens": options.tokens, "stepMs": round(seconds * 1e3, 2),
                              "sequencesPerSecond": round(batch / seconds, 1), "memoryMiB": memory and round(memory)}), flush=True)
            del model, optimiser
            if device == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
