"""The workloads' networks in PyTorch, each filled from the workload's files; linear weights there are [in, out], here [out, in]."""

import numpy as np
import torch
from common import load
from torch import nn
from torch.nn import functional as F


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array))


def fill(parameter, array):
    with torch.no_grad():
        parameter.copy_(tensor(array))


def fill_linear(layer, weight, bias):
    fill(layer.weight, load(weight).T)
    fill(layer.bias, load(bias))


class Mlp(nn.Module):
    def __init__(self, kind, options):
        super().__init__()
        self.fc = nn.ModuleList([nn.Linear(784, 256), nn.Linear(256, 128), nn.Linear(128, 10)])
        for i, fc in enumerate(self.fc):
            fill_linear(fc, f"W2_w{i}", f"W2_b{i}")

    def forward(self, x):
        return self.fc[2](F.relu(self.fc[1](F.relu(self.fc[0](x)))))


class LeNet(nn.Module):
    def __init__(self, kind, options):
        super().__init__()
        self.c0, self.c1 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc = nn.ModuleList([nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)])
        for i, conv in enumerate((self.c0, self.c1)):
            fill(conv.weight, load(f"W3a_cw{i}"))
            fill(conv.bias, load(f"W3a_cb{i}"))
        for i, fc in enumerate(self.fc):
            fill_linear(fc, f"W3a_w{i}", f"W3a_b{i}")

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c0(x)), 2)
        x = torch.flatten(F.max_pool2d(F.relu(self.c1(x)), 2), 1)
        return self.fc[2](F.relu(self.fc[1](F.relu(self.fc[0](x)))))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.c1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.b1 = nn.BatchNorm2d(outputs)
        self.c2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.b2 = nn.BatchNorm2d(outputs)
        self.d = None
        if inputs != outputs:
            self.d = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.bd = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        return F.relu(y + (x if self.d is None else self.bd(self.d(x))))


class ResNet(nn.Module):
    def __init__(self, kind, options):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(64)
        widths = [64, 64, 128, 256, 512]
        blocks = []
        for i in range(4):
            blocks.append(Block(widths[i], widths[i + 1], 1 if i == 0 else 2))
            blocks.append(Block(widths[i + 1], widths[i + 1], 1))
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(512, 10)
        fill(self.stem.weight, load("W3b_stem"))
        for i, block in enumerate(blocks):
            for name in ("c1", "c2") if block.d is None else ("c1", "c2", "d"):
                fill(getattr(block, name).weight, load(f"W3b_s{i // 2}b{i % 2}{name}"))
        fill_linear(self.fc, "W3b_fcw", "W3b_fcb")

    def forward(self, x):
        x = self.blocks(F.relu(self.bn(self.stem(x))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Text(nn.Module):
    """With the option "bag" the embedding and its mean are one EmbeddingBag, PyTorch's fastest way."""

    def __init__(self, kind, options):
        super().__init__()
        self.bag, sparse = "bag" in options, kind == "sparse"
        made = nn.EmbeddingBag(50000, 100, mode="mean", sparse=sparse) if self.bag else nn.Embedding(50000, 100, sparse=sparse)
        self.words = made
        self.words.weight.requires_grad_(kind != "frozen")
        self.fc = nn.ModuleList([nn.Linear(100, 64), nn.Linear(64, 2)])
        fill(self.words.weight, load("W4_emb"))
        for i, fc in enumerate(self.fc):
            fill_linear(fc, f"W4_w{i}", f"W4_b{i}")

    def forward(self, x):
        mean = self.words(x) if self.bag else self.words(x).mean(1)
        return self.fc[1](F.relu(self.fc[0](mean)))


class Encoder(nn.Module):
    def __init__(self, kind, options):
        super().__init__()
        self.words = nn.Embedding(8000, 256)
        self.pos = nn.Parameter(torch.zeros(64, 256))
        layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.0, activation="gelu", norm_first=True, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 4, nn.LayerNorm(256), enable_nested_tensor=False)
        fill(self.words.weight, load("W5_emb"))
        fill(self.pos, load("W5_pos"))
        for i, part in enumerate(self.encoder.layers):
            name = f"W5_l{i}_"
            fill(part.self_attn.in_proj_weight, np.concatenate([load(f"{name}{c}w").T for c in "qkv"]))
            fill(part.self_attn.in_proj_bias, np.concatenate([load(f"{name}{c}b") for c in "qkv"]))
            fill_linear(part.self_attn.out_proj, f"{name}ow", f"{name}ob")
            fill_linear(part.linear1, f"{name}f1w", f"{name}f1b")
            fill_linear(part.linear2, f"{name}f2w", f"{name}f2b")

    def forward(self, x):
        return F.linear(self.encoder(self.words(x) + self.pos), self.words.weight).reshape(-1, 8000)


class Lstm(nn.Module):
    def __init__(self, kind, options):
        super().__init__()
        self.lstm = nn.LSTM(256, 256, 2, batch_first=True)
        self.fc = nn.Linear(256, 10)
        for layer in range(2):
            for file, name in {"wih": "weight_ih", "whh": "weight_hh", "bih": "bias_ih", "bhh": "bias_hh"}.items():
                fill(getattr(self.lstm, f"{name}_l{layer}"), load(f"W5b_l{layer}_{file}"))
        fill_linear(self.fc, "W5b_fcw", "W5b_fcb")

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


MODELS = {"W2": Mlp, "W3a": LeNet, "W3b": ResNet, "W4": Text, "W5": Encoder, "W5b": Lstm}


class SparseAdam(torch.optim.SparseAdam):
    """Lazy Adam with Adam's epsilon: torch's own adds it to the root before the bias of that is corrected, as if it were 30 times as
    large in the first step, which where gradients are about 1e-6 moves the losses by 2 % within 24 steps. The time is the same."""

    steps = 0

    def step(self, closure=None):
        self.steps += 1
        for group in self.param_groups:
            group["eps"] = 1e-8 * (1 - group["betas"][1] ** self.steps) ** 0.5
        return super().step(closure)


def optimizers(family, kind, model):
    """The workload's optimizers: one, except where the embedding's gradient is sparse."""
    o, parameters = torch.optim, [p for p in model.parameters() if p.requires_grad]
    if family == "W2" and kind == "sgd":
        return [o.SGD(parameters, 0.01, fused=True)]
    if family == "W3b":
        return [o.SGD(parameters, 0.01, momentum=0.9, weight_decay=5e-4, fused=True)]
    if family == "W4" and kind == "sparse":
        rest = [p for p in parameters if p is not model.words.weight]
        return [SparseAdam([model.words.weight], 2e-2), o.Adam(rest, 2e-2, fused=True)]
    if family == "W5":
        return [o.AdamW(parameters, 3e-4, weight_decay=0.01, fused=True)]
    return [o.Adam(parameters, 2e-2 if family == "W4" else 1e-3, fused=True)]
