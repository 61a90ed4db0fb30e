// What the benchmarks share: arguments, data, timing in chunks, the JSON line of a result.
import { homedir } from "node:os";
import { join } from "node:path";
import { jit, load as loadFile, nn, noGrad, toTensor } from "oarjs";

/** @typedef {import("oarjs").NdArray} NdArray */
/** @typedef {import("oarjs").Tensor} Tensor */
/** @typedef {{ step(): unknown, clearGrad(): unknown }} Optimizer */

/**
 * An argument of the command line.
 * @param {string} name
 * @param {string} otherwise
 */
function argument(name, otherwise) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : (process.argv[at + 1] ?? otherwise);
}

const root = process.env["BENCH_ROOT"] ?? join(homedir(), ".cache", "oar-bench");
const folder = argument("data", process.env["BENCH_DATA"] ?? join(root, "data"));
const seconds = Number(argument("seconds", "2"));
const threads = Number(argument("threads", "2"));
const traced = Number(argument("trace", "0"));

/** The workload's name, as in "W2.adam". */
export const workload = argument("workload", "");

/**
 * An array of a workload's data.
 * @param {string} name as in "W2_x"
 */
export const load = (name) => loadFile(`${join(folder, name)}.npy`);

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
  net.setStateDict(Object.fromEntries(await Promise.all(pairs)));
}

/**
 * Prints a result as one line of JSON.
 * @param {string} metric
 * @param {number} value
 * @param {string} unit
 * @param {Record<string, unknown>} more
 */
export function emit(metric, value, unit, more) {
  const peer = process.env["BENCH_PEER"] ?? "oar";
  const head = { peer, workload, metric, value: Number(value.toPrecision(6)), unit, threads, node: process.version };
  console.log(JSON.stringify({ ...head, ...more }));
}

/**
 * Seconds a call takes: the median and the best of chunks that together last about `seconds`. All of a chunk's work is done at its end.
 * @param {() => void} call
 * @param {() => unknown} sync waits for the work that calls have begun
 */
export async function time(call, sync) {
  const chunk = async (/** @type {number} */ count) => {
    const began = performance.now();
    for (let i = 0; i < count; i++) call();
    await sync();
    return (performance.now() - began) / 1000 / count;
  };
  let one = await chunk(1);
  while (one < 0.05 && one > 0) {
    const count = Math.ceil(0.05 / one);
    one = await chunk(count);
    if (one * count > 0.02) break;
  }
  // Chunks of 2 ms, or one call, so that the best one is little disturbed; in groups whose median is taken.
  const count = Math.max(1, Math.floor(0.002 / one));
  const group = Math.max(1, Math.floor(seconds / 9 / (one * count)));
  const groups = [];
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + seconds * 1000;
  while (groups.length < 3 || (performance.now() < end && groups.length < 36)) {
    let sum = 0;
    for (let i = 0; i < group; i++) {
      const per = await chunk(count);
      sum += per;
      best = Math.min(best, per);
    }
    groups.push(sum / group);
  }
  groups.sort((a, b) => a - b);
  return { median: /** @type {number} */ (groups[groups.length >> 1]), best };
}

/**
 * Traces the losses of the first steps, then times the steps after them.
 * @param {(i: number) => Tensor} step a whole training step; gives its loss
 * @param {number} traceLength
 * @param {() => Promise<void>} ready waits for native code; it counts as warm-up
 */
export async function benchTraining(step, traceLength, ready = async () => {}) {
  const began = performance.now();
  const losses = [];
  let i = 0;
  /** @type {Tensor | undefined} */
  let last;
  while (i < (traced || traceLength)) {
    last = step(i++);
    losses.push(Number(await last.item()));
  }
  await ready();
  const warm = (performance.now() - began) / 1000;
  const { median, best } = await time(
    () => {
      last = step(i++);
    },
    () => last?.item(),
  );
  emit("steps_per_s", 1 / median, "steps/s", { best: 1 / best, loss_trace: losses, warm_s: Number(warm.toFixed(3)) });
}

/**
 * Benchmarks a classifier: training steps compiled whole, or for "*.inf" its forward pass alone.
 * @param {(x: Tensor) => Tensor} forward gives logits, a row for each label
 * @param {{ net: nn.Layer, xs: Tensor[], ys: Tensor[], makeOptimizer: () => Optimizer, traceLength: number }} what
 */
export async function benchClassifier(forward, { net, xs, ys, makeOptimizer, traceLength }) {
  if (workload.endsWith(".inf")) {
    net.eval();
    return benchForward(forward, xs);
  }
  const opt = makeOptimizer();
  const step = jit.compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const loss = nn.functional.crossEntropy(forward(x), y);
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  });
  await benchTraining((i) => step(pick(xs, i), pick(ys, i)), traceLength, step.ready);
}

/**
 * Times forward passes over the first four batches.
 * @param {(x: Tensor) => Tensor} forward
 * @param {Tensor[]} xs
 */
async function benchForward(forward, xs) {
  const run = jit.compile((/** @type {Tensor} */ x) => noGrad(() => forward(x)));
  const logits = await run(pick(xs, 0)).data("float32");
  for (let i = 0; i < 3; i++) run(pick(xs, i));
  await run.ready();
  let i = 0;
  let last = run(pick(xs, 0));
  const { median, best } = await time(
    () => {
      last = run(pick(xs, i++ % 4));
    },
    // One logit: copying them all out would be timed too.
    () => last.at(0, 0).item(),
  );
  emit("batches_per_s", 1 / median, "batches/s", { best: 1 / best, loss_trace: sample(logits) });
}

/**
 * Five elements by which results are compared.
 * @param {ArrayLike<number>} data
 */
export function sample(data) {
  const n = data.length;
  return [0, Math.floor(n / 7), Math.floor(n / 3), n >> 1, n - 1].map((i) => Number(data[i]));
}

/**
 * The element of a list that a step uses.
 * @template T
 * @param {readonly T[]} list
 * @param {number} i
 * @returns {T}
 */
export const pick = (list, i) => /** @type {T} */ (list[i % list.length]);
