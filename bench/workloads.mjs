// The workloads, the figures each gives, and the goals they are held to (issue "Speed": 2 cores of Zen 4 with AVX-512).

/**
 * A figure of a workload.
 * @typedef {object} Figure
 * @property {string} workload
 * @property {string} metric as emitted
 * @property {string} title
 * @property {string} unit shown; "steps/s" and "batches/s" are shown as milliseconds
 * @property {boolean} [higher] more is better
 * @property {number} [native] goal of native code
 * @property {number} [wasm] goal of WebAssembly on Node 24
 * @property {number} [peer] goal as a multiple of the best peer's figure, instead of a number of its own
 * @property {number} [limit] what the machine allows
 * @property {boolean} [training] a training row, on which native code is to be ahead of every peer
 */

/** Figures in the order they are shown; those of the full table only have no goal. @type {readonly Figure[]} */
export const figures = [
  {
    workload: "W1@2",
    metric: "g1024",
    title: "W1 GEMM 1024³, 2 threads",
    unit: "GFLOP/s",
    higher: true,
    native: 214,
    wasm: 80,
    limit: 234,
  },
  { workload: "W1@1", metric: "g1024", title: "W1 GEMM 1024³, 1 thread", unit: "GFLOP/s", higher: true, limit: 117 },
  {
    workload: "W2.sgd",
    metric: "steps_per_s",
    title: "W2 MLP, SGD",
    unit: "ms",
    native: 0.8,
    wasm: 2.6,
    limit: 0.55,
    training: true,
  },
  {
    workload: "W2.adam",
    metric: "steps_per_s",
    title: "W2 MLP, Adam",
    unit: "ms",
    native: 0.85,
    wasm: 2.6,
    limit: 0.55,
    training: true,
  },
  {
    workload: "W3a",
    metric: "steps_per_s",
    title: "W3a LeNet-5",
    unit: "ms",
    native: 1.5,
    wasm: 6,
    limit: 0.62,
    training: true,
  },
  {
    workload: "W3b",
    metric: "steps_per_s",
    title: "W3b ResNet-18",
    unit: "ms",
    native: 540,
    wasm: 2000,
    limit: 454,
    training: true,
  },
  {
    workload: "W4.dense",
    metric: "steps_per_s",
    title: "W4 text, dense",
    unit: "ms",
    native: 3.3,
    wasm: 5,
    limit: 2.6,
    training: true,
  },
  {
    workload: "W4.sparse",
    metric: "steps_per_s",
    title: "W4 text, sparse",
    unit: "ms",
    native: 0.6,
    wasm: 1,
    limit: 0.26,
    training: true,
  },
  {
    workload: "W4.frozen",
    metric: "steps_per_s",
    title: "W4 text, frozen",
    unit: "ms",
    native: 0.2,
    wasm: 0.5,
    limit: 0.11,
    training: true,
  },
  {
    workload: "W5",
    metric: "steps_per_s",
    title: "W5 Transformer, AdamW",
    unit: "ms",
    native: 185,
    wasm: 700,
    limit: 139,
    training: true,
  },
  {
    workload: "W5b",
    metric: "steps_per_s",
    title: "W5b LSTM",
    unit: "ms",
    native: 60,
    wasm: 250,
    limit: 50,
    training: true,
  },
  { workload: "W7", metric: "add4", title: "W7 eager addition of 4", unit: "ns", native: 700, wasm: 700 },
  { workload: "W7", metric: "matmul4x4", title: "W7 eager product 4 x 4", unit: "ns" },
  {
    workload: "W7",
    metric: "chain10_fwdbwd",
    title: "W7 chain of 10 ops with gradients",
    unit: "µs",
    native: 30,
    wasm: 30,
  },
  { workload: "W8", metric: "fc_forward", title: "W8 compiled fc, forward", unit: "µs", native: 2.5, wasm: 4 },
  { workload: "W8", metric: "fc_train", title: "W8 compiled fc, training step", unit: "µs", native: 6, wasm: 10 },
  { workload: "W9", metric: "cold_start", title: "W9 start to first step", unit: "ms", native: 250, wasm: 250 },
  { workload: "W9.nocache", metric: "cold_start", title: "W9 with an emptied cache", unit: "ms", native: 250 },
  { workload: "W12", metric: "ms", title: "W12 gelu chain, 4 M", unit: "ms", native: 3.6, wasm: 12, limit: 2.9 },
  { workload: "W2.inf", metric: "batches_per_s", title: "W2 forward", unit: "ms", peer: 1, limit: 0.26 },
  { workload: "W3a.inf", metric: "batches_per_s", title: "W3a forward", unit: "ms", peer: 1, limit: 0.23 },
  { workload: "W3b.inf", metric: "batches_per_s", title: "W3b forward", unit: "ms", peer: 1.05, limit: 151 },
  { workload: "W5.inf", metric: "batches_per_s", title: "W5 forward", unit: "ms", peer: 1, limit: 47 },
  { workload: "W5b.inf", metric: "batches_per_s", title: "W5b forward", unit: "ms", peer: 1, limit: 18 },
  { workload: "W6", metric: "native.save", title: "W6 save 100 MB", unit: "MB/s", higher: true },
  { workload: "W6", metric: "native.load", title: "W6 load 100 MB", unit: "MB/s", higher: true },
  { workload: "W3b", metric: "peak_rss", title: "W3b peak resident", unit: "MB", native: 500, wasm: 600 },
  { workload: "W5", metric: "peak_rss", title: "W5 peak resident", unit: "MB", native: 600, wasm: 800 },
];

/** Every workload, in the order of the run. */
export const workloads = [...new Set(figures.map((figure) => figure.workload))];

/** Workloads whose peak resident size is a figure. */
export const memory = new Set(figures.filter((f) => f.metric === "peak_rss").map((f) => f.workload));

/** A run's time is a figure, or that of its first line. @param {string} workload */
export const isColdStart = (workload) => workload.startsWith("W9");

/**
 * The workloads a command line names: "W2" means all of W2 but its forward pass, "W2.adam" that one, "train" and "inf" groups.
 * @param {readonly string[]} names none: all
 * @throws Error when a name means none
 */
export function chosen(names) {
  if (names.length === 0) return workloads;
  const wanted = names.flatMap((name) => {
    const training = new Set(figures.filter((f) => f.training).map((f) => f.workload));
    const found = workloads.filter((w) => {
      if (name === "train") return training.has(w);
      if (name === "inf") return w.endsWith(".inf");
      return w === name || (w.split(/[.@]/)[0] === name && !w.endsWith(".inf"));
    });
    if (found.length === 0)
      throw new Error(`there is no workload ${name}; there are train, inf, ${workloads.join(", ")}`);
    return found;
  });
  return workloads.filter((w) => wanted.includes(w));
}

/**
 * An emitted value in the unit its figure is shown in.
 * @param {Figure} figure
 * @param {number} value
 */
export function shown(figure, value) {
  if (figure.metric === "steps_per_s" || figure.metric === "batches_per_s") return 1000 / value;
  return figure.metric === "chain10_fwdbwd" ? value / 1000 : value;
}
