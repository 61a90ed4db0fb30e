// jax-js on WebAssembly, one thread in Node. A training step is one jit: loss, gradients, and the optimizer written out.
// jax-js is lazy, so every timed result is waited for.
import { blockUntilReady, defaultDevice, grad, init, jit, nn, numpy as np, tree, valueAndGrad, vjp } from "@jax-js/jax";
import { emit, family, giga, products, sample, seconds, time, timeTraining } from "../timing.mjs";
import { kind, load, runWorkload, slices } from "./common.mjs";
import { gelu, model, place } from "./models_jaxjs.mjs";

await init("wasm");
defaultDevice("wasm");
const about = { version: "0.1.25", mode: "wasm", real_threads: 1 };
const first = async (a) => (await a.data())[0];

/** A whole training step of a family, and a function that waits for it. */
function training(name, sort) {
  const { p, logits, classes, fixed = [] } = model(name);
  const xs = slices(load(`${name}_x`)).map((x) => place(x));
  const ys = slices(load(`${name}_y`)).map(({ data }) =>
    nn.oneHot(np.array(data, { shape: [data.length], dtype: np.int32 }), classes),
  );
  const labels = ys[0].shape[0];
  const entries = Object.entries(p);
  const frozen = Object.fromEntries(entries.filter(([key]) => fixed.includes(key)));
  const state = { p: Object.fromEntries(entries.filter(([key]) => !fixed.includes(key))), m: {}, v: {} };
  const sgd = sort === "sgd";
  const rate = sgd ? 0.01 : ({ W5: 3e-4, W4: 2e-2 }[name] ?? 1e-3);
  const keep = name === "W5" ? 1 - rate * 0.01 : 1;
  if (!sgd) {
    for (const [key, value] of Object.entries(state.p)) {
      state.m[key] = np.zerosLike(value.ref);
      state.v[key] = np.zerosLike(value.ref);
    }
  }
  const lossOf = (q, fixedOnes, x, y) =>
    nn
      .logSoftmax(logits({ ...q, ...fixedOnes }, x))
      .mul(y)
      .sum()
      .mul(-1 / labels);
  const compiled = jit((q, m, v, fixedOnes, x, y, corrections) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(q), fixedOnes, x, y);
    const next = { p: {}, m: {}, v: {} };
    const [c1, c2] = [corrections.ref.slice(0), corrections.slice(1)];
    for (const [key, value] of Object.entries(q)) {
      const g = gradients[key];
      if (sgd) {
        next.p[key] = value.sub(g.mul(rate));
        continue;
      }
      next.m[key] = m[key].mul(0.9).add(g.ref.mul(0.1));
      next.v[key] = v[key].mul(0.999).add(np.square(g).mul(0.001));
      const root = np.sqrt(next.v[key].ref.mul(c2.ref)).add(1e-8);
      const moved = next.m[key].ref.mul(c1.ref).div(root).mul(rate);
      next.p[key] = (keep === 1 ? value : value.mul(keep)).sub(moved);
    }
    c1.dispose();
    c2.dispose();
    return [loss, next.p, next.m, next.v];
  });
  let done = 0;
  let last;
  const step = (i, wanted) => {
    done++;
    const corrections = np.array(Float32Array.of(1 / (1 - 0.9 ** done), 1 / (1 - 0.999 ** done)));
    const batch = [xs[i % xs.length].ref, ys[i % ys.length].ref, corrections];
    last?.dispose();
    [last, state.p, state.m, state.v] = compiled(state.p, state.m, state.v, tree.ref(frozen), ...batch);
    return wanted ? first(last.ref) : undefined;
  };
  return { step, sync: () => blockUntilReady(state.p) };
}

const single = {
  async W1() {
    for (const [name, size] of Object.entries(products)) {
      const [a, b] = [place(load(`W1_${name}_a`)), place(load(`W1_${name}_b`))];
      const product = jit((x, y) => np.matmul(x, y));
      const trace = sample(await product(a.ref, b.ref).data());
      const once = async () => {
        const out = product(a.ref, b.ref);
        await blockUntilReady(out);
        out.dispose();
      };
      const { median, best } = await time(once, () => {}, { wait: true, limit: seconds / 3 });
      emit(name, giga(size) / median, "GFLOP/s", { best: giga(size) / best, loss_trace: trace, ...about });
    }
  },
  async W7() {
    // A chain in which each op needs the one before: results that nothing needs would not be computed.
    const [x, y, quarter] = [np.ones([4]), np.full([4], 2), np.full([4, 4], 0.25)];
    let out = np.zeros([4]);
    const sync = () => blockUntilReady(out);
    const report = async (metric, unit, call, options, trace) => {
      const { median, best } = await time(call, options.wait ? () => {} : sync, options);
      emit(metric, median * 1e9, unit, { best: best * 1e9, loss_trace: trace, ...about });
    };
    const add = () => {
      out = out.add(y.ref);
    };
    await report("add4", "ns/op", add, {}, [await first(x.ref.add(y.ref).sum())]);
    out = np.ones([4, 4]);
    const multiply = () => {
      out = np.matmul(out, quarter.ref);
    };
    await report("matmul4x4", "ns/op", multiply, {}, [await first(np.matmul(np.ones([4, 4]), np.ones([4, 4])).sum())]);
    const [w, b] = [Float32Array.of(1.01, 0.99, 1.02, 0.98), Float32Array.of(0.1, 0.2, 0.3, 0.4)].map((v) =>
      np.array(v),
    );
    const chain = (p) => {
      let z = x.ref;
      for (let i = 0; i < 5; i++) z = z.mul(p.w.ref).add(p.b.ref);
      return z.mul(y.ref).sum();
    };
    for (const [metric, gradients] of [
      ["chain10_fwdbwd", grad(chain)],
      ["chain10_jit", jit(grad(chain))],
    ]) {
      const call = async () => {
        const g = gradients({ w: w.ref, b: b.ref });
        await blockUntilReady(g);
        g.w.dispose();
        g.b.dispose();
      };
      const trace = Array.from(await gradients({ w: w.ref, b: b.ref }).w.data());
      await report(metric, "ns/chain", call, { wait: true }, trace);
    }
  },
  async W8() {
    const [x, y] = [Float32Array.of(1, 2, 3, 4), Float32Array.of(0.5, -0.5)];
    const weight = Float32Array.from({ length: 8 }, (_, i) => i / 10);
    let p = { w: np.array(weight, { shape: [4, 2] }), b: np.zeros([2]) };
    const out = (q, a) => np.dot(a, q.w).add(q.b);
    const forward = jit(out);
    const run = () => forward(tree.ref(p), np.array(x, { shape: [1, 4] })).data();
    const lossOf = (q, a, b) => np.square(out(q, a).sub(b)).mean();
    const step = jit((q, a, b) => {
      const [loss, g] = valueAndGrad(lossOf)(tree.ref(q), a, b);
      return [loss, { w: q.w.sub(g.w.mul(1e-9)), b: q.b.sub(g.b.mul(1e-9)) }];
    });
    const train = () => {
      const [loss, next] = step(p, np.array(x, { shape: [1, 4] }), np.array(y, { shape: [1, 2] }));
      p = next;
      return loss.data();
    };
    for (const [metric, call] of [
      ["fc_forward", run],
      ["fc_train", train],
    ]) {
      const trace = [(await call())[0]];
      const { median, best } = await time(call, () => {}, { wait: true });
      emit(metric, median * 1e6, "us/run", { best: best * 1e6, loss_trace: trace, ...about });
    }
  },
  async W12() {
    const given = ["x", "w", "b", "g"].map((name) => place(load(`W12_${name}`)));
    const formula = (x, w, b) => gelu(x.ref.mul(w).add(b)).add(x);
    const compiled = jit((x, w, b, g) => {
      const [y, backward] = vjp(formula, [x, w, b]);
      return [y, ...backward(g)];
    });
    let out = [];
    const run = async () => {
      const next = compiled(...given.map((v) => v.ref));
      for (const t of out) t.dispose();
      out = next;
      await blockUntilReady(out);
    };
    await run();
    const trace = [];
    for (const t of out) trace.push(...sample(await t.ref.data()).slice(0, 2));
    const { median, best } = await time(run, () => {}, { wait: true });
    emit("ms", median * 1e3, "ms", { best: best * 1e3, loss_trace: trace, ...about });
  },
};

async function forward() {
  const { p, logits } = model(family());
  const xs = slices(load(`${family()}_x`))
    .slice(0, 4)
    .map((x) => place(x));
  const compiled = jit(logits);
  const run = (i) => compiled(tree.ref(p), xs[i % 4].ref);
  const trace = sample(await run(0).data());
  let i = 0;
  let out;
  const once = async () => {
    out?.dispose();
    out = run(i++);
    await blockUntilReady(out);
  };
  const { median, best } = await time(once, () => {}, { wait: true });
  emit("batches_per_s", 1 / median, "batches/s", { best: 1 / best, loss_trace: trace, ...about });
}

await runWorkload(single, {
  coldStart: async () => emit("first_step", await training("W2", "adam").step(0, true), "loss", about),
  forward,
  train: async () => {
    const { step, sync } = training(family(), kind);
    (await timeTraining(step, sync, { extra: about }))();
  },
});
