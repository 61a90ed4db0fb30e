"""The workloads' networks in PaddlePaddle, each with the files its weights start from."""

import paddle
from paddle import nn
from paddle.nn import functional as F


def pairs(layer, weight, bias):
    yield layer.weight, weight
    yield layer.bias, bias


class Mlp(nn.Layer):
    def __init__(self, kind):
        super().__init__()
        self.fc = nn.LayerList([nn.Linear(784, 256), nn.Linear(256, 128), nn.Linear(128, 10)])

    def forward(self, x):
        return self.fc[2](F.relu(self.fc[1](F.relu(self.fc[0](x)))))

    def weights(self):
        for i, fc in enumerate(self.fc):
            yield from pairs(fc, f"w{i}", f"b{i}")


class LeNet(nn.Layer):
    def __init__(self, kind):
        super().__init__()
        self.c0, self.c1 = nn.Conv2D(1, 6, 5, padding=2), nn.Conv2D(6, 16, 5)
        self.pool = nn.MaxPool2D(2, 2)
        self.fc = nn.LayerList([nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)])

    def forward(self, x):
        x = self.pool(F.relu(self.c0(x)))
        x = paddle.flatten(self.pool(F.relu(self.c1(x))), 1)
        return self.fc[2](F.relu(self.fc[1](F.relu(self.fc[0](x)))))

    def weights(self):
        yield from pairs(self.c0, "cw0", "cb0")
        yield from pairs(self.c1, "cw1", "cb1")
        for i, fc in enumerate(self.fc):
            yield from pairs(fc, f"w{i}", f"b{i}")


class Block(nn.Layer):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.c1 = nn.Conv2D(inputs, outputs, 3, stride, 1, bias_attr=False)
        self.b1 = nn.BatchNorm2D(outputs)
        self.c2 = nn.Conv2D(outputs, outputs, 3, 1, 1, bias_attr=False)
        self.b2 = nn.BatchNorm2D(outputs)
        self.d = None
        if inputs != outputs:
            self.d = nn.Conv2D(inputs, outputs, 1, stride, bias_attr=False)
            self.bd = nn.BatchNorm2D(outputs)

    def forward(self, x):
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        return F.relu(y + (x if self.d is None else self.bd(self.d(x))))


class ResNet(nn.Layer):
    def __init__(self, kind):
        super().__init__()
        self.stem = nn.Conv2D(3, 64, 3, 1, 1, bias_attr=False)
        self.bn = nn.BatchNorm2D(64)
        widths = [64, 64, 128, 256, 512]
        self.blocks = nn.LayerList()
        for i in range(4):
            self.blocks.append(Block(widths[i], widths[i + 1], 1 if i == 0 else 2))
            self.blocks.append(Block(widths[i + 1], widths[i + 1], 1))
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        return self.fc(paddle.flatten(F.adaptive_avg_pool2d(x, 1), 1))

    def weights(self):
        yield self.stem.weight, "stem"
        for i, block in enumerate(self.blocks):
            for name in ("c1", "c2") if block.d is None else ("c1", "c2", "d"):
                yield getattr(block, name).weight, f"s{i // 2}b{i % 2}{name}"
        yield from pairs(self.fc, "fcw", "fcb")


class Text(nn.Layer):
    def __init__(self, kind):
        super().__init__()
        attr = paddle.ParamAttr(trainable=kind != "frozen")
        self.words = nn.Embedding(50000, 100, sparse=kind == "sparse", weight_attr=attr)
        self.fc = nn.LayerList([nn.Linear(100, 64), nn.Linear(64, 2)])

    def forward(self, x):
        return self.fc[1](F.relu(self.fc[0](self.words(x).mean(1))))

    def weights(self):
        yield self.words.weight, "emb"
        for i, fc in enumerate(self.fc):
            yield from pairs(fc, f"w{i}", f"b{i}")


class Encoder(nn.Layer):
    def __init__(self, kind):
        super().__init__()
        self.words = nn.Embedding(8000, 256)
        self.pos = self.create_parameter([64, 256])
        layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.0, activation="gelu", normalize_before=True)
        self.encoder = nn.TransformerEncoder(layer, 4, nn.LayerNorm(256))

    def forward(self, x):
        hidden = self.encoder(self.words(x) + self.pos)
        return paddle.matmul(hidden, self.words.weight, transpose_y=True).reshape([-1, 8000])

    def weights(self):
        yield self.words.weight, "emb"
        yield self.pos, "pos"
        for i, layer in enumerate(self.encoder.layers):
            a = layer.self_attn
            parts = {"q": a.q_proj, "k": a.k_proj, "v": a.v_proj, "o": a.out_proj, "f1": layer.linear1, "f2": layer.linear2}
            for name, part in parts.items():
                yield from pairs(part, f"l{i}_{name}w", f"l{i}_{name}b")


class Lstm(nn.Layer):
    def __init__(self, kind):
        super().__init__()
        self.lstm = nn.LSTM(256, 256, 2)
        self.fc = nn.Linear(256, 10)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])

    def weights(self):
        named = dict(self.lstm.named_parameters())
        for layer in range(2):
            for file, name in {"wih": "weight_ih", "whh": "weight_hh", "bih": "bias_ih", "bhh": "bias_hh"}.items():
                yield named[f"{name}_l{layer}"], f"l{layer}_{file}"
        yield from pairs(self.fc, "fcw", "fcb")


MODELS = {"W2": Mlp, "W3a": LeNet, "W3b": ResNet, "W4": Text, "W5": Encoder, "W5b": Lstm}


def optimizer(family, kind, parameters=None):
    """The workload's optimizer; without parameters for a static Program."""
    o, given = paddle.optimizer, {} if parameters is None else {"parameters": parameters}
    if family == "W2" and kind == "sgd":
        return o.SGD(0.01, **given)
    if family == "W3b":
        return o.Momentum(0.01, 0.9, weight_decay=paddle.regularizer.L2Decay(5e-4), **given)
    if family == "W4":
        return o.Adam(2e-2, lazy_mode=kind == "sparse", **given)
    if family == "W5":
        return o.AdamW(3e-4, weight_decay=0.01, **given)
    return o.Adam(1e-3, **given)
