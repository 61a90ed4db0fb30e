// The workloads' networks in jax-js: parameters from the workload's files, and the logits as a function of them.
import { lax, nn, numpy as np } from "@jax-js/jax";
import { encoderNorms, encoderParts, kind, linears, load, lstmParts } from "./common.mjs";

/** A host array on the device. */
export const place = ({ data, shape }, as = shape) =>
  np.array(data, { shape: as, dtype: data instanceof Int32Array ? np.int32 : np.float32 });

const dense = (x, w, b) => np.dot(x, w.ref).add(b.ref);
export const gelu = (x) => nn.gelu(x, { approximate: false });

const mlp = (p, x, count) => {
  for (let i = 0; i < count; i++) {
    x = dense(x, p[`w${i}`], p[`b${i}`]);
    if (i < count - 1) x = nn.relu(x);
  }
  return x;
};

const files = (family, names) => Object.fromEntries(names.map((name) => [name, place(load(`${family}_${name}`))]));

function lenet() {
  const p = files("W3a", ["cw0", "cb0", "cw1", "cb1", ...linears(3)]);
  for (const name of ["cb0", "cb1"]) p[name] = p[name].reshape([1, -1, 1, 1]);
  const pool = (x) => {
    const [n, c, h, w] = x.shape;
    return np.max(np.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), 5), 3);
  };
  const conv = (x, w, b, pad) => pool(nn.relu(lax.conv(x, w.ref, [1, 1], pad).add(b.ref)));
  const logits = (q, x) => {
    const pads = [
      [2, 2],
      [2, 2],
    ];
    const y = conv(conv(x, q.cw0, q.cb0, pads), q.cw1, q.cb1, "VALID");
    return mlp(q, y.reshape([64, 400]), 3);
  };
  return { p, logits, classes: 10 };
}

function norm(x, scale, shift) {
  const centred = x.sub(x.ref.mean(-1, { keepdims: true }));
  const variance = np.square(centred.ref).mean(-1, { keepdims: true });
  return centred
    .mul(np.reciprocal(np.sqrt(variance.add(1e-5))))
    .mul(scale.ref)
    .add(shift.ref);
}

/** The embedding is looked up as a product with one-hot rows: jax-js has no scatter for a gather's gradient inside jit. */
function encoder() {
  const p = files("W5", ["emb", "pos", ...encoderParts]);
  for (const [scale, shift] of [...encoderNorms, ["g", "s"]]) {
    p[scale] = np.ones([256]);
    p[shift] = np.zeros([256]);
  }
  const [n, steps] = [16, 64];
  const logits = (q, x) => {
    const found = np.dot(nn.oneHot(x.reshape([n * steps]), 8000), q.emb.ref).reshape([n, steps, 256]);
    let h = found.add(q.pos.ref).reshape([n * steps, 256]);
    for (let l = 0; l < 4; l++) {
      const at = (name) => q[`l${l}_${name}`];
      const a = norm(h.ref, at("g1"), at("s1"));
      const heads = (part) =>
        np.transpose(dense(a.ref, at(`${part}w`), at(`${part}b`)).reshape([n, steps, 4, 64]), [0, 2, 1, 3]);
      const [query, key, value] = [heads("q"), heads("k"), heads("v")];
      a.dispose();
      const weights = nn.softmax(np.matmul(query, np.transpose(key, [0, 1, 3, 2])).mul(0.125), -1);
      const mixed = np.transpose(np.matmul(weights, value), [0, 2, 1, 3]).reshape([n * steps, 256]);
      h = h.add(dense(mixed, at("ow"), at("ob")));
      const inner = gelu(dense(norm(h.ref, at("g2"), at("s2")), at("f1w"), at("f1b")));
      h = h.add(dense(inner, at("f2w"), at("f2b")));
    }
    return np.dot(norm(h, q.g, q.s), np.transpose(q.emb.ref));
  };
  return { p, logits, classes: 8000 };
}

function lstm() {
  const p = files("W5b", [...lstmParts, "fcw", "fcb"]);
  const [steps, width] = [64, 256];
  const logits = (q, x) => {
    const n = x.shape[0];
    let sequence = np.transpose(x, [1, 0, 2]);
    let h;
    for (let l = 0; l < 2; l++) {
      const at = (name) => q[`l${l}_${name}`].ref;
      const given = np.dot(sequence.reshape([steps * n, width]), np.transpose(at("wih")));
      const parts = np.unstack(
        given
          .add(at("bih"))
          .add(at("bhh"))
          .reshape([steps, n, 4 * width]),
      );
      const weight = np.transpose(at("whh"));
      h = np.zeros([n, width]);
      let c = np.zeros([n, width]);
      const out = [];
      for (let t = 0; t < steps; t++) {
        const [i, f, g, o] = np.split(parts[t].add(np.dot(h, weight.ref)), 4, 1);
        c = nn
          .sigmoid(f)
          .mul(c)
          .add(nn.sigmoid(i).mul(np.tanh(g)));
        h = nn.sigmoid(o).mul(np.tanh(c.ref));
        if (l === 0) out.push(h.ref);
      }
      if (l === 0) sequence = np.stack(out);
    }
    return dense(h, q.fcw, q.fcb);
  };
  return { p, logits, classes: 10 };
}

/** The network of a family: its parameters, their names that stay fixed, its logits, how many classes. */
export function model(family) {
  if (family === "W2") return { p: files("W2", linears(3)), logits: (p, x) => mlp(p, x, 3), classes: 10 };
  if (family === "W3a") return lenet();
  if (family === "W5") return encoder();
  if (family === "W5b") return lstm();
  if (family !== "W4") throw new Error(`N/A: ${family}`);
  const logits = (p, x) => mlp(p, np.take(p.emb.ref, x, 0).mean(1), 2);
  return { p: files("W4", ["emb", ...linears(2)]), logits, classes: 2, fixed: kind === "frozen" ? ["emb"] : [] };
}
