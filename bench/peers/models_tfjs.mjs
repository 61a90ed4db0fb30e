// The workloads' networks in TensorFlow.js: variables from the workload's files, and the logits as a function of a batch.
import * as tf from "@tensorflow/tfjs";
import { encoderNorms, encoderParts, kind, linears, load, lstmParts } from "./common.mjs";

/** A host array as a tensor. */
export const place = ({ data, shape }) => tf.tensor(data, shape, data instanceof Int32Array ? "int32" : "float32");

export const dense = (x, w, b) => tf.add(tf.matMul(x, w), b);
export const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

const files = (family, names) =>
  Object.fromEntries(names.map((name) => [name, tf.variable(place(load(`${family}_${name}`)))]));

const mlp = (p, x, count) => {
  for (let i = 0; i < count; i++) {
    x = dense(x, p[`w${i}`], p[`b${i}`]);
    if (i < count - 1) x = tf.relu(x);
  }
  return x;
};

/** Convolutions here are NHWC: weights are transposed, and the rows of the first linear layer reordered to match. */
function lenet() {
  const p = files("W3a", ["cb0", "cb1", ...linears(3)]);
  for (const name of ["cw0", "cw1"]) p[name] = tf.variable(tf.transpose(place(load(`W3a_${name}`)), [2, 3, 1, 0]));
  p.w0.assign(tf.reshape(tf.transpose(tf.reshape(p.w0, [16, 5, 5, 120]), [1, 2, 0, 3]), [400, 120]));
  const layer = (x, w, b, pad) => tf.maxPool(tf.relu(tf.add(tf.conv2d(x, w, 1, pad), b)), 2, 2, "valid");
  const logits = (x) => {
    const y = layer(layer(x, p.cw0, p.cb0, "same"), p.cw1, p.cb1, "valid");
    return mlp(p, tf.reshape(y, [x.shape[0], 400]), 3);
  };
  return { p, logits, classes: 10, prepare: (x) => tf.transpose(x, [0, 2, 3, 1]) };
}

function norm(x, scale, shift) {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5))), scale), shift);
}

/** The embedding is looked up as a product with one-hot rows: the wasm backend lacks the gradient of a gather. */
function encoder() {
  const p = files("W5", ["emb", "pos", ...encoderParts]);
  for (const [scale, shift] of [...encoderNorms, ["g", "s"]]) {
    p[scale] = tf.variable(tf.ones([256]));
    p[shift] = tf.variable(tf.zeros([256]));
  }
  const steps = 64;
  const logits = (x) => {
    const n = x.shape[0];
    const found = tf.reshape(tf.matMul(tf.oneHot(tf.reshape(x, [n * steps]), 8000), p.emb), [n, steps, 256]);
    let h = tf.reshape(tf.add(found, p.pos), [n * steps, 256]);
    for (let l = 0; l < 4; l++) {
      const at = (name) => p[`l${l}_${name}`];
      const a = norm(h, at("g1"), at("s1"));
      const heads = (part) =>
        tf.transpose(tf.reshape(dense(a, at(`${part}w`), at(`${part}b`)), [n, steps, 4, 64]), [0, 2, 1, 3]);
      const weights = tf.softmax(tf.mul(tf.matMul(heads("q"), heads("k"), false, true), 0.125));
      const mixed = tf.reshape(tf.transpose(tf.matMul(weights, heads("v")), [0, 2, 1, 3]), [n * steps, 256]);
      h = tf.add(h, dense(mixed, at("ow"), at("ob")));
      const inner = gelu(dense(norm(h, at("g2"), at("s2")), at("f1w"), at("f1b")));
      h = tf.add(h, dense(inner, at("f2w"), at("f2b")));
    }
    return tf.matMul(norm(h, p.g, p.s), p.emb, false, true);
  };
  return { p, logits, classes: 8000 };
}

function lstm() {
  const p = files("W5b", [...lstmParts, "fcw", "fcb"]);
  const [steps, width] = [64, 256];
  const logits = (x) => {
    const n = x.shape[0];
    let sequence = tf.transpose(x, [1, 0, 2]);
    let h;
    for (let l = 0; l < 2; l++) {
      const at = (name) => p[`l${l}_${name}`];
      const given = tf.matMul(tf.reshape(sequence, [steps * n, width]), at("wih"), false, true);
      const parts = tf.unstack(tf.reshape(tf.add(tf.add(given, at("bih")), at("bhh")), [steps, n, 4 * width]));
      h = tf.zeros([n, width]);
      let c = tf.zeros([n, width]);
      const out = [];
      for (let t = 0; t < steps; t++) {
        const [i, f, g, o] = tf.split(tf.add(parts[t], tf.matMul(h, at("whh"), false, true)), 4, 1);
        c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
        h = tf.mul(tf.sigmoid(o), tf.tanh(c));
        out.push(h);
      }
      if (l === 0) sequence = tf.stack(out);
    }
    return dense(h, p.fcw, p.fcb);
  };
  return { p, logits, classes: 10 };
}

/** The network of a family: its variables, its logits, how many classes. */
export function model(family) {
  if (family === "W3a") return lenet();
  if (family === "W5") return encoder();
  if (family === "W5b") return lstm();
  if (family === "W2") {
    const p = files("W2", linears(3));
    return { p, logits: (x) => mlp(p, x, 3), classes: 10 };
  }
  if (family !== "W4") throw new Error(`N/A: ${family}`);
  const p = files("W4", linears(2));
  const words = place(load("W4_emb"));
  p.emb = kind === "frozen" ? words : tf.variable(words);
  return { p, logits: (x) => mlp(p, tf.mean(tf.gather(p.emb, x), 1), 2), classes: 2 };
}
