// What every benchmark in JavaScript shares, Oar's and its peers': arguments, timing in chunks, the line of JSON that is a result.
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * An argument of the command line.
 * @param {string} name
 * @param {string} otherwise
 */
function argument(name, otherwise) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : (process.argv[at + 1] ?? otherwise);
}

const root = process.env["OAR_BENCH_ROOT"] ?? process.env["BENCH_ROOT"] ?? join(homedir(), ".cache", "oar-bench");

/** The workload's name, as in "W2.adam". */
export const workload = argument("workload", "");
/** Where the .npy files are. */
export const dataFolder = argument("data", join(root, "data"));
/** A folder for files a workload writes. */
export const scratchFolder = argument("tmp", join(root, "tmp"));
/** How long the timed part lasts. */
export const seconds = Number(argument("seconds", "2"));
/** Threads that may do arithmetic. */
export const threads = Number(argument("threads", "2"));
/** Losses recorded before timing begins. */
export const traceLength = Number(argument("trace", "0")) || ({ W3b: 4, W4: 24, W5: 6, W5b: 8 }[family()] ?? 10);

/** The workload's name up to the dot: "W2". */
export function family() {
  return workload.split(".")[0] ?? "";
}

/** The products of W1: m, k, n, after a batch for the last. */
export const products = {
  g512: [512, 512, 512],
  g1024: [1024, 1024, 1024],
  g2048: [2048, 2048, 2048],
  skinny: [128, 784, 256],
  bmm: [32, 128, 64, 128],
};

/**
 * Floating-point operations of a product, in 10^9.
 * @param {readonly number[]} size
 */
export const giga = (size) => (2 * size.reduce((n, e) => n * e, 1)) / 1e9;

/**
 * Prints a result as one line of JSON. The process's peak resident size so far goes with it.
 * @param {string} metric
 * @param {number} value from the median chunk
 * @param {string} unit
 * @param {Record<string, unknown>} more `best` (from the fastest chunk), `loss_trace`, `version`, `mode` …
 */
export function emit(metric, value, unit, more) {
  const peer = process.env["BENCH_PEER"] ?? "oar";
  const head = { peer, workload, metric, value: Number(value.toPrecision(6)), unit, threads, node: process.version };
  console.log(JSON.stringify({ ...head, rss_mb: peakMegabytes(), ...more }));
}

/** The process's peak resident size so far. */
const peakMegabytes = () => Math.round(process.resourceUsage().maxRSS / 1024);

/**
 * Seconds a call takes: the median of about nine groups that together last `seconds`, and the best chunk of any. A chunk lasts 2 ms or one
 * call, and all of its work is done at its end.
 * @param {() => unknown} call
 * @param {() => unknown} sync waits for the work that calls have begun
 * @param {{ limit?: number, wait?: boolean }} options `limit`: instead of `seconds`; `wait`: each call gives a promise to wait for
 */
export async function time(call, sync, { limit = seconds, wait = false } = {}) {
  const chunk = async (/** @type {number} */ count) => {
    const began = performance.now();
    if (wait) for (let i = 0; i < count; i++) await call();
    else for (let i = 0; i < count; i++) call();
    await sync();
    return (performance.now() - began) / 1000 / count;
  };
  const first = await chunk(1);
  let one = await chunk(1);
  if (first > Math.max(3, 2 * limit)) return { median: Math.min(first, one), best: Math.min(first, one) };
  if (one < 0.05) one = await chunk(Math.max(1, Math.floor(0.05 / Math.max(one, 1e-7))));
  const count = Math.max(1, Math.floor(0.002 / Math.max(one, 1e-8)));
  const group = Math.max(1, Math.floor(limit / 9 / (one * count)));
  const groups = [];
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + limit * 1000;
  while (groups.length < 3 || (performance.now() < end && groups.length < 36)) {
    let sum = 0;
    for (let i = 0; i < group; i++) {
      const per = await chunk(count);
      sum += per;
      best = Math.min(best, per);
    }
    groups.push(sum / group);
    if (one > limit && groups.length >= 2) break;
  }
  return { median: middle(groups), best };
}

/**
 * The median.
 * @param {readonly number[]} list not empty
 */
export function middle(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (/** @type {number} */ i) => /** @type {number} */ (sorted[i]);
  return sorted.length % 2 === 1 ? at(sorted.length >> 1) : (at(sorted.length / 2 - 1) + at(sorted.length / 2)) / 2;
}

/**
 * Traces the losses of the first steps, then times the steps after them.
 * @param {(i: number, wanted: boolean) => unknown} step a whole training step; gives its loss, or a promise of it, when wanted
 * @param {() => unknown} sync waits for the steps begun
 * @param {{ ready?: () => unknown, extra?: Record<string, unknown> }} options `ready`: called after the trace, counts as warm-up
 */
export async function timeTraining(step, sync, { ready = () => {}, extra = {} } = {}) {
  const began = performance.now();
  const losses = [];
  let i = 0;
  while (i < traceLength) losses.push(Number(await step(i++, true)));
  await ready();
  const warm = (performance.now() - began) / 1000;
  const { median, best } = await time(() => step(i++, false), sync);
  // As it is now: what checks the result afterwards is no part of training.
  const rss_mb = peakMegabytes();
  const more = { best: 1 / best, loss_trace: losses, warm_s: Number(warm.toFixed(3)), rss_mb, ...extra };
  return () => emit("steps_per_s", 1 / median, "steps/s", more);
}

/**
 * Five elements by which results are compared.
 * @param {ArrayLike<number>} data
 */
export function sample(data) {
  const n = data.length;
  return [0, Math.floor(n / 7), Math.floor(n / 3), n >> 1, n - 1].map((i) => Number(data[i]));
}
