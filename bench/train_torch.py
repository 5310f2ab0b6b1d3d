#!/usr/bin/python3
"""The same three GPT shapes in PyTorch, one thread, interleaved with ours: tokens per second.

Usage: train_torch.py TRAIN_BENCH [--models abc] [--rounds 5] [--seconds 2]
Each round times PyTorch, then ours, by process CPU time; a table has the medians and their ratio.
PyTorch uses its erf GELU, which is faster there than the tanh form that ours computes.
"""
import argparse
import math
import os
import resource
import statistics
import subprocess
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    sys.exit("train_torch.py needs PyTorch: apt-get install python3-torch")

TOKENS = 2048
# width, layers, heads, context
SHAPES = {"a": (64, 2, 2, 64), "b": (128, 4, 4, 128), "c": (256, 6, 8, 256)}


class Block(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        seen = torch.tril(torch.ones(context, context)).view(1, 1, context, context)
        self.register_buffer("mask", seen == 0)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).split(width, dim=2)
        shape = (batch, length, self.heads, width // self.heads)
        q, k, v = (t.view(shape).transpose(1, 2) for t in (q, k, v))
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(width // self.heads))
        weights = F.softmax(scores.masked_fill(self.mask, float("-inf")), dim=-1)
        mixed = (weights @ v).transpose(1, 2).contiguous().view(batch, length, width)
        x = x + self.output(mixed)
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Model(nn.Module):
    def __init__(self, width, layers, heads, context):
        super().__init__()
        self.tokens = nn.Embedding(256, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, context) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.tokens.weight, std=0.02)

    def forward(self, inputs, targets):
        x = self.tokens(inputs) + self.positions.weight
        for block in self.blocks:
            x = block(x)
        logits = self.norm(x) @ self.tokens.weight.T
        return F.cross_entropy(logits.view(-1, 256), targets.view(-1))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class TorchTrainer:
    def __init__(self, letter):
        width, layers, heads, context = SHAPES[letter]
        torch.manual_seed(1)
        self.model = Model(width, layers, heads, context)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, foreach=False)
        shape = (TOKENS // context, context)
        self.inputs = torch.randint(97, 123, shape)
        self.targets = torch.randint(97, 123, shape)
        self.step()

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model(self.inputs, self.targets)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()

    def rate(self, seconds):
        start, steps = cpu_seconds(), 0
        while cpu_seconds() - start < seconds:
            self.step()
            steps += 1
        return steps * TOKENS / (cpu_seconds() - start)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train_bench")
    parser.add_argument("--models", default="abc")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"Training step against PyTorch {torch.__version__}, "
          f"one thread, {TOKENS} tokens a batch\n")
    print("| model | halfulp tokens/s | PyTorch tokens/s | ratio |\n|---|--:|--:|--:|")
    for letter in arguments.models:
        trainer, theirs, ours = TorchTrainer(letter), [], []
        for _ in range(arguments.rounds):
            theirs.append(trainer.rate(arguments.seconds))
            command = [arguments.train_bench, "--rate", letter, str(arguments.seconds)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            ours.append(float(done.stdout))
        mine, other = statistics.median(ours), statistics.median(theirs)
        print(f"| {letter} | {mine:.0f} | {other:.0f} | {mine / other:.2f} |", flush=True)


if __name__ == "__main__":
    main()
