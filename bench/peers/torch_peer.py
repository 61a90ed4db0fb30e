"""PyTorch. Modes: eager, compile (torch.compile of the model with its loss), inf (traced and frozen); options cl (channels last), bag."""

import os
import sys
import warnings

if "--threads" in sys.argv:
    count = sys.argv[sys.argv.index("--threads") + 1]
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = count
root = os.environ.get("OAR_BENCH_ROOT", os.path.expanduser("~/.cache/oar-bench"))
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(root, "inductor"))
os.environ["CUDA_VISIBLE_DEVICES"] = ""
warnings.filterwarnings("ignore")

import numpy as np
import torch
from common import FAMILY, KIND, OPTIONS, PRODUCTS, args, arrays, batches, emit, emit_rate, emit_time, giga, load, sample, time_files, time_training
from models_torch import MODELS, fill, optimizers, tensor
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(args.threads)
torch.set_num_interop_threads(1)
MODE = args.mode or "eager"
ABOUT = {"version": torch.__version__, "mode": MODE, "opts": args.opts}
CHANNELS_LAST = "cl" in OPTIONS


def compiled(function):
    return torch.compile(function) if MODE == "compile" else function


def model_of(family, kind):
    model = MODELS[family](kind, OPTIONS)
    return model.to(memory_format=torch.channels_last) if CHANNELS_LAST else model


def staged(x):
    t = tensor(x)
    return t.contiguous(memory_format=torch.channels_last) if CHANNELS_LAST and t.dim() == 4 else t


def training(family, kind):
    xs, ys = batches(family)
    model = model_of(family, kind).train()
    steppers = optimizers(family, kind, model)
    pairs = [(staged(x), tensor(y.ravel())) for x, y in zip(xs, ys)]
    loss_of = compiled(lambda x, y: F.cross_entropy(model(x), y))

    def step(i, wanted):
        loss = loss_of(*pairs[i % len(pairs)])
        loss.backward()
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        return loss.item() if wanted else None

    return step


def forward(family):
    xs, _ = batches(family)
    model, inputs, turns = model_of(family, "inf").eval(), [staged(x) for x in xs[:4]], iter(range(1 << 60))
    with torch.no_grad():
        net = torch.jit.freeze(torch.jit.trace(model, inputs[0])) if MODE == "inf" else compiled(model)
        trace = sample(net(inputs[0]).numpy())
        for x in inputs:
            net(x)
        emit_rate("batches_per_s", lambda: net(inputs[next(turns) % 4]), 1, "batches/s", trace, **ABOUT)


def gemm():
    for name, size in PRODUCTS.items():
        a, b = (tensor(load(f"W1_{name}_{side}")) for side in "ab")
        with torch.no_grad():
            trace = sample((a @ b).numpy())
            emit_rate(name, lambda: torch.matmul(a, b), giga(size), "GFLOP/s", trace, args.seconds / 3, **ABOUT)


def saving():
    from safetensors.torch import load_file, save_file

    state = {name: tensor(array) for name, array in arrays().items()}
    own, safe = f"{args.tmp}/torch.pt", f"{args.tmp}/torch.safetensors"
    time_files("native", lambda: torch.save(state, own), lambda: torch.load(own), **ABOUT)
    time_files("safetensors", lambda: save_file(state, safe), lambda: load_file(safe), **ABOUT)
    os.unlink(own)
    os.unlink(safe)


def eager():
    x, y, a, b = torch.ones(4), torch.ones(4) * 2, torch.ones(4, 4), torch.ones(4, 4)
    with torch.no_grad():
        emit_time("add4", lambda: x + y, 1e9, "ns/op", [float((x + y).sum())], **ABOUT)
        emit_time("matmul4x4", lambda: a @ b, 1e9, "ns/op", [float((a @ b).sum())], **ABOUT)
    w = torch.tensor([1.01, 0.99, 1.02, 0.98], requires_grad=True)
    c = torch.tensor([0.1, 0.2, 0.3, 0.4], requires_grad=True)

    def chain():
        z = x
        for _ in range(5):
            z = z * w
            z = z + c
        return torch.autograd.grad([z], [w, c], [y])

    emit_time("chain10_fwdbwd", chain, 1e9, "ns/chain", chain()[0].tolist(), **ABOUT)


def small():
    host_x, host_y = np.array([[1, 2, 3, 4]], np.float32), np.array([[0.5, -0.5]], np.float32)
    fc = nn.Linear(4, 2)
    fill(fc.weight, np.arange(8, dtype=np.float32).reshape(4, 2).T / 10)
    fill(fc.bias, np.zeros(2, np.float32))
    opt = torch.optim.SGD(fc.parameters(), 1e-9, fused=True)
    net = torch.jit.freeze(torch.jit.trace(fc.eval(), tensor(host_x))) if MODE == "inf" else compiled(fc)

    def run():
        with torch.no_grad():
            return net(tensor(host_x)).numpy()

    emit_time("fc_forward", run, 1e6, "us/run", sample(run())[:1], **ABOUT)
    if MODE == "inf":
        return
    loss_of = compiled(lambda x, y: ((fc(x) - y) ** 2).mean())

    def train():
        loss = loss_of(tensor(host_x), tensor(host_y))
        loss.backward()
        opt.step()
        opt.zero_grad()
        return loss.detach().numpy()

    emit_time("fc_train", train, 1e6, "us/run", sample(train())[:1], **ABOUT)


def gelu_chain():
    operands = [tensor(load(f"W12_{name}")).requires_grad_() for name in "xwb"]
    g = tensor(load("W12_g"))
    call = compiled(lambda x, w, b: F.gelu(x * w + b) + x)

    def run():
        y = call(*operands)
        return [y, *torch.autograd.grad([y], operands, [g])]

    trace = [v for t in run() for v in sample(t.detach().numpy())[:2]]
    emit_time("ms", run, 1e3, "ms", trace, **ABOUT)


SINGLE = {"W1": gemm, "W6": saving, "W7": eager, "W8": small, "W12": gelu_chain}
if FAMILY in SINGLE:
    SINGLE[FAMILY]()
elif FAMILY == "W9":
    emit("first_step", training("W2", "adam")(0, True), "loss", **ABOUT)
elif KIND == "inf":
    forward(FAMILY)
else:
    time_training(training(FAMILY, KIND), **ABOUT)
