"""onnxruntime, forward passes only: graphs made by hand with onnx.helper from the same weights."""

import numpy as np
import onnxruntime
from common import FAMILY, KIND, PRODUCTS, args, emit_rate, emit_time, giga, load, sample
from onnx import TensorProto, helper, numpy_helper

ABOUT = {"version": onnxruntime.__version__, "mode": "inf", "opts": ""}


class Graph:
    """Nodes and constants in the order of execution."""

    def __init__(self, family=""):
        self.family, self.nodes, self.constants = family, [], []

    def const(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def file(self, name):
        return self.const(load(f"{self.family}_{name}"))

    def ints(self, *values):
        return self.const(np.array(values, np.int64))

    def op(self, kind, *inputs, **attributes):
        name = f"o{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def session(self, inputs, output):
        """inputs: name to (is float, shape)."""
        types = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT if real else TensorProto.INT64, shape)
            for name, (real, shape) in inputs.items()
        ]
        out = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "g", types, [out], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
        model.ir_version = 10
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = args.threads, 1
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def mlp(g, x, count):
    for i in range(count):
        x = g.op("Gemm", x, g.file(f"w{i}"), g.file(f"b{i}"))
        if i < count - 1:
            x = g.op("Relu", x)
    return x


def lenet(g):
    x = "x"
    for i, pad in ((0, 2), (1, 0)):
        x = g.op("Relu", g.op("Conv", x, g.file(f"cw{i}"), g.file(f"cb{i}"), pads=[pad] * 4))
        x = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    return mlp(g, g.op("Flatten", x), 3)


def resnet(g):
    def conv(x, name, channels, k, stride):
        y = g.op("Conv", x, g.file(name), pads=[k // 2] * 4, strides=[stride, stride])
        one, zero = g.const(np.ones(channels, np.float32)), g.const(np.zeros(channels, np.float32))
        return g.op("BatchNormalization", y, one, zero, zero, one, epsilon=1e-5)

    x, inputs = g.op("Relu", conv("x", "stem", 64, 3, 1)), 64
    for stage, width in enumerate([64, 128, 256, 512]):
        for block in range(2):
            stride, name = 2 if stage > 0 and block == 0 else 1, f"s{stage}b{block}"
            y = g.op("Relu", conv(x, f"{name}c1", width, 3, stride))
            y = conv(y, f"{name}c2", width, 3, 1)
            x = g.op("Relu", g.op("Add", y, x if inputs == width else conv(x, f"{name}d", width, 1, stride)))
            inputs = width
    pooled = g.op("Flatten", g.op("GlobalAveragePool", x))
    return g.op("Gemm", pooled, g.file("fcw"), g.file("fcb"))


def encoder(g):
    one, zero = g.const(np.ones(256, np.float32)), g.const(np.zeros(256, np.float32))

    def linear(x, name):
        return g.op("Add", g.op("MatMul", x, g.file(f"{name}w")), g.file(f"{name}b"))

    def norm(x):
        return g.op("LayerNormalization", x, one, zero, axis=-1, epsilon=1e-5)

    h = g.op("Add", g.op("Gather", g.file("emb"), "x"), g.file("pos"))
    for layer in range(4):
        a, l = norm(h), f"l{layer}_"

        def heads(part, perm):
            return g.op("Transpose", g.op("Reshape", linear(a, l + part), g.ints(16, 64, 4, 64)), perm=perm)

        scores = g.op("MatMul", heads("q", [0, 2, 1, 3]), heads("k", [0, 2, 3, 1]))
        weights = g.op("Softmax", g.op("Mul", scores, g.const(np.float32(0.125))), axis=-1)
        mixed = g.op("Transpose", g.op("MatMul", weights, heads("v", [0, 2, 1, 3])), perm=[0, 2, 1, 3])
        h = g.op("Add", h, linear(g.op("Reshape", mixed, g.ints(16, 64, 256)), l + "o"))
        h = g.op("Add", h, linear(g.op("Gelu", linear(norm(h), l + "f1")), l + "f2"))
    flat = g.op("Reshape", norm(h), g.ints(1024, 256))
    return g.op("MatMul", flat, g.const(load("W5_emb").T))


def lstm(g):
    def gates(name):
        """onnx orders the gates i o f c, the files i f g o."""
        parts = np.split(load(f"W5b_{name}"), 4)
        return np.concatenate([parts[k] for k in (0, 3, 1, 2)])

    x = g.op("Transpose", "x", perm=[1, 0, 2])
    for layer in range(2):
        weights = [g.const(gates(f"l{layer}_{name}")[None]) for name in ("wih", "whh")]
        bias = g.const(np.concatenate([gates(f"l{layer}_bih"), gates(f"l{layer}_bhh")])[None])
        x = g.op("Squeeze", g.op("LSTM", x, *weights, bias, hidden_size=256), g.ints(1))
    return g.op("Gemm", g.op("Gather", x, g.const(np.array(-1, np.int64)), axis=0), g.file("fcw"), g.file("fcb"))


NETWORKS = {"W2": lambda g: mlp(g, "x", 3), "W3a": lenet, "W3b": resnet, "W5": encoder, "W5b": lstm}


def forward():
    g, xs = Graph(FAMILY), load(f"{FAMILY}_x")
    real = xs.dtype == np.float32
    session = g.session({"x": (real, list(xs.shape[1:]))}, NETWORKS[FAMILY](g))
    feeds, turns = [{"x": x if real else x.astype(np.int64)} for x in xs[:4]], iter(range(1 << 60))
    trace = sample(session.run(None, feeds[0])[0])
    emit_rate("batches_per_s", lambda: session.run(None, feeds[next(turns) % 4]), 1, "batches/s", trace, **ABOUT)


def gemm():
    for name, size in PRODUCTS.items():
        a, b = load(f"W1_{name}_a"), load(f"W1_{name}_b")
        g = Graph()
        out = g.op("MatMul", "a", "b")
        session = g.session({"a": (True, list(a.shape)), "b": (True, list(b.shape))}, out)
        binding = session.io_binding()
        binding.bind_cpu_input("a", a)
        binding.bind_cpu_input("b", b)
        binding.bind_output(out)
        session.run_with_iobinding(binding)
        trace = sample(binding.copy_outputs_to_cpu()[0])
        run = lambda: session.run_with_iobinding(binding)
        emit_rate(name, run, giga(size), "GFLOP/s", trace, args.seconds / 3, **ABOUT)


def small():
    g = Graph()
    weight = g.const(np.arange(8, dtype=np.float32).reshape(4, 2) / 10)
    out = g.op("Gemm", "x", weight, g.const(np.zeros(2, np.float32)))
    session, x = g.session({"x": (True, [1, 4])}, out), np.array([[1, 2, 3, 4]], np.float32)
    run = lambda: session.run(None, {"x": x})[0]
    emit_time("fc_forward", run, 1e6, "us/run", sample(run())[:1], **ABOUT)


if FAMILY == "W1":
    gemm()
elif FAMILY == "W8":
    small()
elif KIND == "inf":
    forward()
else:
    raise SystemExit(f"N/A: onnxruntime does not train {args.workload}")
