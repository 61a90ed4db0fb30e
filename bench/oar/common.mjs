// What Oar's benchmarks share: arrays from files, compiled steps timed and checked, forward passes.
import { jit, load as loadFile, nn, noGrad, toTensor } from "oarjs";
import { dataFolder, emit, sample, threads, time, timeTraining, workload } from "../timing.mjs";

/** @typedef {import("oarjs").NdArray} NdArray */
/** @typedef {import("oarjs").Tensor} Tensor */
/** @typedef {import("oarjs").Parameter} Parameter */
/** @typedef {{ step(): unknown, clearGrad(): unknown }} Optimizer */

// As a user sets it; read when the engine starts, which is at the first op.
process.env["OAR_THREADS"] ??= String(threads);

export { emit, sample, time, workload };

/**
 * An array of a workload's data.
 * @param {string} name as in "W2_x"
 */
export const load = (name) => loadFile(`${dataFolder}/${name}.npy`);

/**
 * The slices of an array along its first axis, each a tensor.
 * @param {NdArray} array
 * @returns {Tensor[]}
 */
export function batches({ dtype, shape, data }) {
  const [count = 0, ...rest] = shape;
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) =>
    toTensor(/** @type {NdArray} */ ({ dtype, shape: rest, data: data.subarray(i * size, (i + 1) * size) })),
  );
}

/**
 * Gives a network the weights of a workload.
 * @param {nn.Layer} net
 * @param {Record<string, string>} names from state-dict keys to names of files, as in `{ "fc.weight": "W3b_fcw" }`
 */
export async function loadWeights(net, names) {
  const pairs = Object.entries(names).map(async ([key, name]) => [key, await load(name)]);
  const { missing, unexpected } = net.setStateDict(Object.fromEntries(await Promise.all(pairs)));
  // Normalizations start at scale 1 and shift 0, without files; a recurrent cell's weights have a second key.
  const wrong = [...unexpected, ...missing.filter((key) => !/(?:^|\.)(?:norm\d?|bn|b1|b2|bd|cell)\./.test(key))];
  if (wrong.length > 0) throw new Error(`weights without a place, or places without weights: ${wrong.join(", ")}`);
}

/**
 * Benchmarks training: a step compiled whole, whose losses are traced, then timed; afterwards the weights are read and checked.
 * @param {(x: Tensor) => Tensor} forward gives logits, a row for each label
 * @param {{ parameters: readonly Parameter[], xs: Tensor[], ys: Tensor[], opt: Optimizer }} what
 */
export async function benchTraining(forward, { parameters, xs, ys, opt }) {
  const lossOf = (/** @type {Tensor} */ x, /** @type {Tensor} */ y) => nn.functional.crossEntropy(forward(x), y);
  const step = jit.compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const loss = lossOf(x, y);
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  });
  const before = await fingerprints(parameters);
  let last = 0;
  /** @type {Tensor | undefined} */
  let loss;
  const run = (/** @type {number} */ i, /** @type {boolean} */ wanted) => {
    last = i;
    loss = step(pick(xs, i), pick(ys, i));
    return wanted ? loss.item() : undefined;
  };
  const report = await timeTraining(run, () => loss?.item(), { ready: step.ready });
  await checkWeights(parameters, before);
  // The weights as read must give, without the compiled step, the loss that it gives next.
  const eager = Number(await noGrad(() => lossOf(pick(xs, last + 1), pick(ys, last + 1))).item());
  const compiled = Number(await run(last + 1, true));
  if (!(Math.abs(eager - compiled) <= 1e-3 * Math.max(1e-3, Math.abs(eager)))) {
    throw new Error(`the weights give the loss ${eager}, the compiled step ${compiled}`);
  }
  report();
}

/**
 * A benchmark of a network: training, or for "*.inf" its forward pass alone.
 * @param {nn.Layer & ((x: Tensor) => Tensor)} net
 * @param {{ xs: Tensor[], ys: Tensor[], makeOptimizer: () => Optimizer }} what
 */
export async function benchClassifier(net, { xs, ys, makeOptimizer }) {
  if (!workload.endsWith(".inf")) {
    return benchTraining(net, { parameters: net.parameters(), xs, ys, opt: makeOptimizer() });
  }
  net.eval();
  const run = jit.compile((/** @type {Tensor} */ x) => noGrad(() => net(x)));
  const logits = await run(pick(xs, 0)).data("float32");
  for (let i = 0; i < 3; i++) run(pick(xs, i));
  await run.ready();
  let i = 0;
  let out = run(pick(xs, 0));
  const { median, best } = await time(
    () => {
      // What is not needed any more is given back at once; else it waits for a garbage collection.
      out.dispose();
      out = run(pick(xs, i++ % 4));
    },
    // One logit: copying them all out would be timed too.
    () => out.at(0, 0).item(),
  );
  emit("batches_per_s", 1 / median, "batches/s", { best: 1 / best, loss_trace: sample(logits) });
}

/**
 * Every weight must be finite, those that train must have moved, the others not, a BatchNorm's statistics excepted.
 * @param {readonly Parameter[]} parameters
 * @param {readonly number[]} before their fingerprints before training
 */
async function checkWeights(parameters, before) {
  const after = await fingerprints(parameters);
  for (const [i, p] of parameters.entries()) {
    if (Number.isNaN(after[i])) throw new Error(`${p.name} is not finite after training`);
    const still = after[i] === before[i];
    if (p.trainable ? still : !still && !p.name.startsWith("batch_norm")) {
      throw new Error(`${p.name} ${p.trainable ? "did not move" : "moved although it is frozen"}`);
    }
  }
}

/**
 * A number for each parameter that changes when any of its bits does; NaN when it holds one that is not finite. Copies of all weights
 * would count in the process's memory.
 * @param {readonly Parameter[]} parameters
 */
async function fingerprints(parameters) {
  const out = [];
  for (const p of parameters) {
    const data = await p.data("float32");
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
    let hash = 0x811c9dc5;
    for (const word of bits) hash = Math.imul(hash ^ word, 0x01000193);
    out.push(data.every(Number.isFinite) ? hash : Number.NaN);
  }
  return out;
}

/**
 * The element of a list that a step uses.
 * @template T
 * @param {readonly T[]} list
 * @param {number} i
 * @returns {T}
 */
export const pick = (list, i) => /** @type {T} */ (list[i % list.length]);
