// Times a step of 20 phases alone and beside one busy process on the same two processors, on both targets: node bench/busy.mjs
// The aim: beside the busy process the mean is at most 3 times, the worst at most 20 times the mean alone.
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { jit, noGrad, randn } from "oarjs";

const [PHASES, ROWS, WIDTH] = [20, 128, 256];
const SECONDS = 4;

/** A chain of matrix products and a mean, each of which waits for all of the one before it: milliseconds of each run, in order. */
async function measure() {
  const weights = Array.from({ length: PHASES - 1 }, () => randn([WIDTH, WIDTH]).multiply(1 / Math.sqrt(WIDTH)));
  const step = jit.compile((/** @type {import("oarjs").Tensor} */ x) =>
    noGrad(() => weights.reduce((h, w) => h.matmul(w), x).mean()),
  );
  const x = randn([ROWS, WIDTH]);
  for (let i = 0; i < 20; i++) await step(x).item();
  await step.ready();
  for (let i = 0; i < 200; i++) step(x);
  const times = [];
  for (const end = performance.now() + SECONDS * 1000; performance.now() < end; ) {
    const begun = performance.now();
    step(x);
    times.push(performance.now() - begun);
    // A training loop returns to the event loop now and then.
    if (times.length % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return times;
}

/** @param {readonly number[]} times */
function summarize(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  return { mean: times.reduce((a, b) => a + b, 0) / times.length, median: at(0.5), p99: at(0.99), worst: at(1) };
}

/**
 * Measures in a process of its own, on the first two processors where `taskset` is there.
 * @param {string} target
 * @returns {ReturnType<typeof summarize>}
 */
function run(target) {
  const node = [process.execPath, fileURLToPath(import.meta.url), "--child"];
  const pinned = spawnSync("taskset", ["-c", "0,1", "true"]).status === 0 ? ["taskset", "-c", "0,1", ...node] : node;
  const [program = "", ...args] = pinned;
  const env = { ...process.env, OAR_TARGET: target, OAR_THREADS: "2" };
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

function busyProcess() {
  const loop = [process.execPath, "-e", "for (;;);"];
  const pinned = spawnSync("taskset", ["-c", "0,1", "true"]).status === 0 ? ["taskset", "-c", "0,1", ...loop] : loop;
  const [program = "", ...args] = pinned;
  return spawn(program, args, { stdio: "ignore" });
}

if (process.argv.includes("--child")) {
  console.log(JSON.stringify(summarize(await measure())));
} else {
  const wanted = process.argv.slice(2);
  for (const target of wanted.length > 0 ? wanted : ["native", "wasm"]) {
    const alone = run(target);
    const other = busyProcess();
    const busy = run(target);
    other.kill("SIGKILL");
    const text = (/** @type {typeof alone} */ { mean, median, p99, worst }) =>
      `mean ${mean.toFixed(3)} ms, median ${median.toFixed(3)}, 99 % ${p99.toFixed(3)}, worst ${worst.toFixed(2)}`;
    console.log(`${target}, alone: ${text(alone)}`);
    console.log(`${target}, busy:  ${text(busy)}`);
    console.log(
      `${target}: mean ${(busy.mean / alone.mean).toFixed(2)} times (at most 3), worst ${(busy.worst / alone.mean).toFixed(1)} times (at most 20)`,
    );
  }
}
