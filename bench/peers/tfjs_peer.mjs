// TensorFlow.js. Modes: wasm (one thread in Node), cpu.
import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import {
  emit,
  family,
  giga,
  middle,
  products,
  sample,
  scratchFolder,
  seconds,
  time,
  timeTraining,
} from "../timing.mjs";
import { kind, load, runWorkload, slices } from "./common.mjs";
import { dense, gelu, model, place } from "./models_tfjs.mjs";

const modeAt = process.argv.indexOf("--mode");
const backend = (modeAt >= 0 && process.argv[modeAt + 1]) || "wasm";
tf.env().set("PROD", true);
await tf.setBackend(backend);
await tf.ready();
const about = { version: tf.version.tfjs, mode: backend, real_threads: 1 };
const nothing = () => {};

/** Variable gradients and one update; gives the loss when wanted. */
function training(name, sort) {
  const { p, logits, classes, prepare = (x) => x } = model(name);
  const xs = slices(load(`${name}_x`)).map((x) => prepare(place(x)));
  const ys = slices(load(`${name}_y`)).map(({ data }) => tf.tensor(data, [data.length], "int32"));
  const variables = Object.values(p).filter((v) => v instanceof tf.Variable);
  const rate = { W5: 3e-4, W4: 2e-2 }[name] ?? 1e-3;
  const optimizer = sort === "sgd" ? tf.train.sgd(0.01) : tf.train.adam(rate, 0.9, 0.999, 1e-8);
  const lossOf = (x, y) => tf.neg(tf.mean(tf.sum(tf.mul(tf.oneHot(y, classes), tf.logSoftmax(logits(x))), -1)));
  return (i, wanted) => {
    const { value, grads } = tf.variableGrads(() => lossOf(xs[i % xs.length], ys[i % ys.length]), variables);
    if (name === "W5") tf.tidy(() => variables.forEach((v) => v.assign(tf.mul(v, 1 - rate * 0.01))));
    optimizer.applyGradients(grads);
    for (const g of Object.values(grads)) g.dispose();
    const loss = wanted ? value.dataSync()[0] : undefined;
    value.dispose();
    return loss;
  };
}

async function report(metric, scale, unit, call, trace) {
  const { median, best } = await time(call, nothing);
  emit(metric, median * scale, unit, { best: best * scale, loss_trace: trace, ...about });
}

const single = {
  async W1() {
    for (const [name, size] of Object.entries(products)) {
      const [a, b] = [place(load(`W1_${name}_a`)), place(load(`W1_${name}_b`))];
      const trace = sample(tf.matMul(a, b).dataSync());
      const { median, best } = await time(() => tf.matMul(a, b).dispose(), nothing, { limit: seconds / 3 });
      emit(name, giga(size) / median, "GFLOP/s", { best: giga(size) / best, loss_trace: trace, ...about });
    }
  },
  async W6() {
    const state = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`t${i}`, tf.randomNormal([500, 1000], 0, 1, "float32", 7 + i)]),
    );
    const path = `${scratchFolder}/tfjs.bin`;
    const saves = [];
    const loads = [];
    for (let i = 0; i < 4; i++) {
      let began = performance.now();
      const encoded = await tf.io.encodeWeights(state);
      writeFileSync(path, Buffer.from(encoded.data));
      writeFileSync(`${path}.json`, JSON.stringify(encoded.specs));
      saves.push((performance.now() - began) / 1000);
      began = performance.now();
      const bytes = readFileSync(path);
      const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
      const loaded = tf.io.decodeWeights(buffer, JSON.parse(readFileSync(`${path}.json`, "utf8")));
      for (const t of Object.values(loaded)) t.dataSync();
      loads.push((performance.now() - began) / 1000);
      if (loaded.t7.dataSync()[3005] !== state.t7.dataSync()[3005]) throw new Error("what was loaded differs");
      for (const t of Object.values(loaded)) t.dispose();
    }
    unlinkSync(path);
    unlinkSync(`${path}.json`);
    for (const [metric, times] of [
      ["native.save", saves],
      ["native.load", loads],
    ]) {
      emit(metric, 100 / middle(times), "MB/s", { best: 100 / Math.min(...times), loss_trace: [], ...about });
    }
  },
  async W7() {
    const [x, y, a, b] = [tf.ones([4]), tf.fill([4], 2), tf.ones([4, 4]), tf.ones([4, 4])];
    const total = (t) => [tf.sum(t).dataSync()[0]];
    await report("add4", 1e9, "ns/op", () => tf.add(x, y).dispose(), total(tf.add(x, y)));
    await report("matmul4x4", 1e9, "ns/op", () => tf.matMul(a, b).dispose(), total(tf.matMul(a, b)));
    const gradients = tf.grads((w, c) => {
      let z = x;
      for (let i = 0; i < 5; i++) z = tf.add(tf.mul(z, w), c);
      return z;
    });
    const operands = [tf.tensor1d([1.01, 0.99, 1.02, 0.98]), tf.tensor1d([0.1, 0.2, 0.3, 0.4])];
    const trace = Array.from(gradients(operands, y)[0].dataSync());
    const chain = () => {
      for (const g of gradients(operands, y)) g.dispose();
    };
    await report("chain10_fwdbwd", 1e9, "ns/chain", chain, trace);
  },
  async W8() {
    const [x, y] = [Float32Array.of(1, 2, 3, 4), Float32Array.of(0.5, -0.5)];
    const weight = Float32Array.from({ length: 8 }, (_, i) => i / 10);
    const [w, b] = [tf.variable(tf.tensor2d(weight, [4, 2])), tf.variable(tf.zeros([2]))];
    const optimizer = tf.train.sgd(1e-9);
    const out = () => dense(tf.tensor2d(x, [1, 4]), w, b);
    const forward = () => tf.tidy(() => out().dataSync());
    const loss = () => tf.mean(tf.square(tf.sub(out(), tf.tensor2d(y, [1, 2]))));
    const train = () => {
      tf.engine().startScope();
      const value = optimizer.minimize(loss, true, [w, b]).dataSync();
      tf.engine().endScope();
      return value;
    };
    await report("fc_forward", 1e6, "us/run", forward, [forward()[0]]);
    await report("fc_train", 1e6, "us/run", train, [train()[0]]);
  },
  async W12() {
    const [x, w, b, g] = ["x", "w", "b", "g"].map((name) => place(load(`W12_${name}`)));
    const gradients = tf.valueAndGrads((p, q, r) => tf.add(gelu(tf.add(tf.mul(p, q), r)), p));
    const all = () => {
      const { value, grads } = gradients([x, w, b], g);
      return [value, ...grads];
    };
    const trace = all().flatMap((t) => sample(t.dataSync()).slice(0, 2));
    const run = () => {
      for (const t of all()) t.dispose();
    };
    await report("ms", 1e3, "ms", run, trace);
  },
};

async function forward() {
  const { logits, prepare = (x) => x } = model(family());
  const xs = slices(load(`${family()}_x`))
    .slice(0, 4)
    .map((x) => prepare(place(x)));
  const run = (i) => tf.tidy(() => logits(xs[i % 4]).dataSync());
  const trace = sample(run(0));
  let i = 0;
  const { median, best } = await time(() => run(i++), nothing);
  emit("batches_per_s", 1 / median, "batches/s", { best: 1 / best, loss_trace: trace, ...about });
}

await runWorkload(single, {
  coldStart: () => emit("first_step", training("W2", "adam")(0, true), "loss", about),
  forward,
  train: async () => (await timeTraining(training(family(), kind), nothing, { extra: about }))(),
});
