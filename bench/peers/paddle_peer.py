"""PaddlePaddle. Modes: dy (dygraph), st (static Program and Executor), jit (to_static), inf (inference predictor); option onednn."""

import os
import sys
import warnings

if "--threads" in sys.argv:
    count = sys.argv[sys.argv.index("--threads") + 1]
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = count
os.environ.setdefault("GLOG_minloglevel", "3")
if any("onednn" in argument for argument in sys.argv):
    os.environ["FLAGS_use_mkldnn"] = os.environ["FLAGS_use_onednn"] = "1"
warnings.filterwarnings("ignore")

import numpy as np
import paddle
from common import FAMILY, KIND, OPTIONS, PRODUCTS, args, arrays, batches, emit, emit_rate, emit_time, giga, load, sample, time_files, time_training
from models_paddle import MODELS, optimizer
from paddle import nn
from paddle.base import core
from paddle.nn import functional as F

paddle.set_device("cpu")
core.set_num_threads(args.threads)
MODE = args.mode or "dy"
ABOUT = {"version": paddle.__version__, "mode": MODE, "opts": args.opts}
PLACE = paddle.CPUPlace()
if MODE == "st":
    paddle.enable_static()


def placed(array):
    """A host array as the Executor's own tensor, so that feeding it copies nothing."""
    tensor = core.DenseTensor()
    tensor.set(array, PLACE)
    return tensor


def static_step(family, kind, xs, ys):
    main, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(main, startup):
        x = paddle.static.data("x", xs.shape[1:], str(xs.dtype))
        y = paddle.static.data("y", [ys.shape[1]], "int64")
        model = MODELS[family](kind)
        loss = F.cross_entropy(model(x), y)
        optimizer(family, kind).minimize(loss)
    exe, scope = paddle.static.Executor(PLACE), paddle.static.global_scope()
    exe.run(startup)
    for parameter, file in model.weights():
        scope.find_var(parameter.name).get_tensor().set(load(f"{family}_{file}"), PLACE)
    feeds = [{"x": placed(x), "y": placed(y)} for x, y in zip(xs, ys)]

    def step(i, wanted):
        out = exe.run(main, feed=feeds[i % len(feeds)], fetch_list=[loss] if wanted else [])
        return float(out[0]) if wanted else None

    return step


def training(family, kind):
    xs, ys = batches(family)
    if MODE == "st":
        return static_step(family, kind, xs, ys)
    model = MODELS[family](kind)
    model.train()
    for parameter, file in model.weights():
        parameter.set_value(load(f"{family}_{file}"))
    opt = optimizer(family, kind, [p for p in model.parameters() if not p.stop_gradient])
    net = paddle.jit.to_static(model, full_graph=True, backend=None) if MODE == "jit" else model
    staged = [(paddle.to_tensor(x), paddle.to_tensor(y)) for x, y in zip(xs, ys)]

    def step(i, wanted):
        x, y = staged[i % len(staged)]
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        opt.clear_grad()
        return float(loss) if wanted else None

    return step


def predictor(model, x):
    """A predictor of paddle.inference on a saved model, and a function that gives its output."""
    from paddle import inference

    path = f"{args.tmp}/inference_{os.getpid()}"
    spec = [paddle.static.InputSpec(list(x.shape), str(x.dtype))]
    paddle.jit.save(paddle.jit.to_static(model, full_graph=True, input_spec=spec), path)
    program = path + (".json" if os.path.exists(path + ".json") else ".pdmodel")
    config = inference.Config(program, path + ".pdiparams")
    config.disable_gpu()
    config.set_cpu_math_library_num_threads(args.threads)
    config.disable_glog_info()
    if "onednn" in OPTIONS:
        config.enable_mkldnn()
    made = inference.create_predictor(config)
    made.get_input_handle(made.get_input_names()[0]).copy_from_cpu(x)
    made.run()
    for ending in (".json", ".pdmodel", ".pdiparams"):
        if os.path.exists(path + ending):
            os.unlink(path + ending)
    return made.run, made.get_output_handle(made.get_output_names()[0]).copy_to_cpu()


def forward(family):
    xs, _ = batches(family)
    model = MODELS[family]("inf")
    for parameter, file in model.weights():
        parameter.set_value(load(f"{family}_{file}"))
    model.eval()
    if MODE == "inf":
        run, logits = predictor(model, xs[0])
        return emit_rate("batches_per_s", run, 1, "batches/s", sample(logits), **ABOUT)
    net = paddle.jit.to_static(model, full_graph=True) if MODE == "jit" else model
    staged, turns = [paddle.to_tensor(x) for x in xs[:4]], iter(range(1 << 60))
    with paddle.no_grad():
        trace = sample(net(staged[0]).numpy())
        emit_rate("batches_per_s", lambda: net(staged[next(turns) % 4]), 1, "batches/s", trace, **ABOUT)


def gemm():
    for name, size in PRODUCTS.items():
        a, b = (paddle.to_tensor(load(f"W1_{name}_{side}")) for side in "ab")
        with paddle.no_grad():
            trace = sample(paddle.matmul(a, b).numpy())
            emit_rate(name, lambda: paddle.matmul(a, b), giga(size), "GFLOP/s", trace, args.seconds / 3, **ABOUT)


def saving():
    from safetensors.paddle import load_file, save_file

    state = {name: paddle.to_tensor(array) for name, array in arrays().items()}
    own, safe = f"{args.tmp}/paddle.pdparams", f"{args.tmp}/paddle.safetensors"
    time_files("native", lambda: paddle.save(state, own), lambda: paddle.load(own), **ABOUT)
    time_files("safetensors", lambda: save_file(state, safe), lambda: load_file(safe), **ABOUT)
    os.unlink(own)
    os.unlink(safe)


def eager():
    x, y, a, b = paddle.ones([4]), paddle.ones([4]) * 2, paddle.ones([4, 4]), paddle.ones([4, 4])
    with paddle.no_grad():
        emit_time("add4", lambda: x + y, 1e9, "ns/op", [float((x + y).sum())], **ABOUT)
        emit_time("matmul4x4", lambda: paddle.matmul(a, b), 1e9, "ns/op", [float(paddle.matmul(a, b).sum())], **ABOUT)
    w = paddle.to_tensor([1.01, 0.99, 1.02, 0.98], stop_gradient=False)
    c = paddle.to_tensor([0.1, 0.2, 0.3, 0.4], stop_gradient=False)

    def chain():
        z = x
        for _ in range(5):
            z = z * w
            z = z + c
        return paddle.grad([z], [w, c], [y])

    emit_time("chain10_fwdbwd", chain, 1e9, "ns/chain", [float(v) for v in chain()[0].numpy()], **ABOUT)


X, Y = np.array([[1, 2, 3, 4]], np.float32), np.array([[0.5, -0.5]], np.float32)
WEIGHT, BIAS = np.arange(8, dtype=np.float32).reshape(4, 2) / 10, np.zeros(2, np.float32)


def small_static():
    """W8 as two Programs: the forward pass, and a training step."""
    programs = []
    exe, scope = paddle.static.Executor(PLACE), paddle.static.global_scope()
    for train in (False, True):
        main, startup = paddle.static.Program(), paddle.static.Program()
        with paddle.static.program_guard(main, startup):
            fc, x = nn.Linear(4, 2), paddle.static.data("x", [1, 4])
            out = fc(x)
            if train:
                out = ((out - paddle.static.data("y", [1, 2])) ** 2).mean()
                paddle.optimizer.SGD(1e-9).minimize(out)
        exe.run(startup)
        scope.find_var(fc.weight.name).get_tensor().set(WEIGHT, PLACE)
        scope.find_var(fc.bias.name).get_tensor().set(BIAS, PLACE)
        programs.append((main, out))
    (forward_program, out), (train_program, loss) = programs
    return (
        lambda: exe.run(forward_program, feed={"x": X}, fetch_list=[out])[0],
        lambda: exe.run(train_program, feed={"x": X, "y": Y}, fetch_list=[loss])[0],
    )


def small_dynamic():
    fc = nn.Linear(4, 2)
    fc.weight.set_value(WEIGHT)
    fc.bias.set_value(BIAS)
    opt = paddle.optimizer.SGD(1e-9, parameters=fc.parameters())
    net = paddle.jit.to_static(fc, full_graph=True) if MODE == "jit" else fc

    def run():
        with paddle.no_grad():
            return net(paddle.to_tensor(X)).numpy()

    def train():
        loss = ((net(paddle.to_tensor(X)) - paddle.to_tensor(Y)) ** 2).mean()
        loss.backward()
        opt.step()
        opt.clear_grad()
        return loss.numpy()

    return run, train


def small():
    run, train = small_static() if MODE == "st" else small_dynamic()
    emit_time("fc_forward", run, 1e6, "us/run", sample(run())[:1], **ABOUT)
    emit_time("fc_train", train, 1e6, "us/run", sample(train())[:1], **ABOUT)


def gelu_chain():
    def formula(x, w, b):
        return F.gelu(x * w + b) + x

    host = {name: load(f"W12_{name}") for name in "xwbg"}
    if MODE == "st":
        main, startup = paddle.static.Program(), paddle.static.Program()
        with paddle.static.program_guard(main, startup):
            given = {name: paddle.static.data(name, array.shape) for name, array in host.items()}
            operands = [given[name] for name in "xwb"]
            for v in operands:
                v.stop_gradient = False
            y = formula(*operands)
            fetched = [y, *paddle.static.gradients([y], operands, [given["g"]])]
        exe, feed = paddle.static.Executor(PLACE), {name: placed(array) for name, array in host.items()}
        exe.run(startup)
        run = lambda: exe.run(main, feed=feed, fetch_list=fetched, return_numpy=False)
        trace = [v for t in run() for v in sample(np.array(t))[:2]]
    else:
        operands = [paddle.to_tensor(host[name], stop_gradient=False) for name in "xwb"]
        g = paddle.to_tensor(host["g"])
        call = paddle.jit.to_static(formula, full_graph=True) if MODE == "jit" else formula

        def run():
            y = call(*operands)
            return [y, *paddle.grad([y], operands, [g])]

        trace = [v for t in run() for v in sample(t.numpy())[:2]]
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
