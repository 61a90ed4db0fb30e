"""Writes the fixed data and first weights of every workload as .npy files: python generate.py FOLDER. Needs numpy.

All peers read the same files. Deterministic: PCG64 with fixed seeds, whose streams NumPy keeps stable. float32, int32 for ids and labels.
Linear weights are [in, out], convolution weights OIHW, LSTM weights [4H, I] with the gates i f g o.
"""

import math
import os
import sys

import numpy as np

FOLDER = sys.argv[1]
os.makedirs(FOLDER, exist_ok=True)


def rng(seed):
    return np.random.Generator(np.random.PCG64(seed))


def save(workload, name, values, dtype=np.float32):
    np.save(f"{FOLDER}/{workload}_{name}.npy", np.ascontiguousarray(values, dtype=dtype))


def symmetric(r, shape, bound):
    """Uniform in [-bound, bound)."""
    return r.uniform(-bound, bound, shape)


def dense(workload, r, names, inputs, outputs, zero_bias=False):
    """Weight and bias of a linear layer, within 1 / sqrt(inputs)."""
    save(workload, names[0], symmetric(r, (inputs, outputs), 1 / math.sqrt(inputs)))
    save(workload, names[1], np.zeros(outputs) if zero_bias else symmetric(r, (outputs,), 1 / math.sqrt(inputs)))


def gemm():
    r = rng(1)
    sizes = {"g512": (512, 512, 512), "g1024": (1024, 1024, 1024), "g2048": (2048, 2048, 2048), "skinny": (128, 784, 256)}
    for name, (m, k, n) in sizes.items():
        save("W1", f"{name}_a", symmetric(r, (m, k), 1))
        save("W1", f"{name}_b", symmetric(r, (k, n), 1))
    save("W1", "bmm_a", symmetric(r, (32, 128, 64), 1))
    save("W1", "bmm_b", symmetric(r, (32, 64, 128), 1))


def mlp():
    r = rng(2)
    save("W2", "x", r.uniform(0, 1, (16, 128, 784)))
    save("W2", "y", r.integers(0, 10, (16, 128)), np.int32)
    for i, (inputs, outputs) in enumerate([(784, 256), (256, 128), (128, 10)]):
        dense("W2", r, (f"w{i}", f"b{i}"), inputs, outputs)


def lenet():
    r = rng(3)
    save("W3a", "x", r.uniform(0, 1, (16, 64, 1, 28, 28)))
    save("W3a", "y", r.integers(0, 10, (16, 64)), np.int32)
    for i, shape in enumerate([(6, 1, 5, 5), (16, 6, 5, 5)]):
        bound = 1 / math.sqrt(shape[1] * 25)
        save("W3a", f"cw{i}", symmetric(r, shape, bound))
        save("W3a", f"cb{i}", symmetric(r, (shape[0],), bound))
    for i, (inputs, outputs) in enumerate([(400, 120), (120, 84), (84, 10)]):
        dense("W3a", r, (f"w{i}", f"b{i}"), inputs, outputs)


def resnet():
    """Every BatchNorm starts at scale 1, shift 0, mean 0, variance 1, without a file."""
    r = rng(4)
    save("W3b", "x", r.standard_normal((4, 32, 3, 32, 32)))
    save("W3b", "y", r.integers(0, 10, (4, 32)), np.int32)

    def convolution(name, outputs, inputs, k):
        save("W3b", name, r.standard_normal((outputs, inputs, k, k)) * math.sqrt(2 / (outputs * k * k)))

    convolution("stem", 64, 3, 3)
    inputs = 64
    for stage, width in enumerate([64, 128, 256, 512]):
        for block in range(2):
            convolution(f"s{stage}b{block}c1", width, inputs, 3)
            convolution(f"s{stage}b{block}c2", width, width, 3)
            if inputs != width:
                convolution(f"s{stage}b{block}d", width, inputs, 1)
            inputs = width
    dense("W3b", r, ("fcw", "fcb"), 512, 10, zero_bias=True)


def text():
    """Word ids follow Zipf's law; the labels can be learnt, so that the trace shows whether the embedding learns."""
    r = rng(5)
    p = 1 / np.arange(1, 50001) ** 1.0
    p /= p.sum()
    ids = r.permutation(50000)
    x = ids[r.choice(50000, size=(16, 64, 200), p=p)].astype(np.int32)
    save("W4", "x", x, np.int32)
    score = rng(55).standard_normal(50000)[x].mean(-1)
    save("W4", "y", score > np.median(score), np.int32)
    save("W4", "emb", r.standard_normal((50000, 100)) * 0.5)
    for i, (inputs, outputs) in enumerate([(100, 64), (64, 2)]):
        dense("W4", r, (f"w{i}", f"b{i}"), inputs, outputs, zero_bias=True)


def encoder():
    """Every LayerNorm starts at scale 1, shift 0, without a file."""
    r = rng(6)
    width, inner, words = 256, 1024, 8000
    save("W5", "x", r.integers(0, words, (8, 16, 64)), np.int32)
    save("W5", "y", r.integers(0, words, (8, 16, 64)), np.int32)
    save("W5", "emb", r.standard_normal((words, width)) * 0.05)
    save("W5", "pos", r.standard_normal((64, width)) * 0.05)
    for layer in range(4):
        for part in "qkvo":
            dense("W5", r, (f"l{layer}_{part}w", f"l{layer}_{part}b"), width, width, zero_bias=True)
        dense("W5", r, (f"l{layer}_f1w", f"l{layer}_f1b"), width, inner, zero_bias=True)
        dense("W5", r, (f"l{layer}_f2w", f"l{layer}_f2b"), inner, width, zero_bias=True)


def lstm():
    r = rng(7)
    hidden = 256
    save("W5b", "x", r.standard_normal((8, 32, 64, hidden)))
    save("W5b", "y", r.integers(0, 10, (8, 32)), np.int32)
    shapes = {"wih": (1024, hidden), "whh": (1024, hidden), "bih": (1024,), "bhh": (1024,)}
    for layer in range(2):
        for name, shape in shapes.items():
            save("W5b", f"l{layer}_{name}", symmetric(r, shape, 1 / math.sqrt(hidden)))
    dense("W5b", r, ("fcw", "fcb"), hidden, 10, zero_bias=True)


def chain():
    r = rng(12)
    for name in "xwbg":
        save("W12", name, r.standard_normal(1 << 22))


for make in (gemm, mlp, lenet, resnet, text, encoder, lstm, chain):
    make()
open(f"{FOLDER}/complete", "w").close()
