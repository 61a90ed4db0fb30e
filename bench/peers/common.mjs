// What the peers in JavaScript share: the workloads' files as typed arrays, and a run's choice by family.
import { readFileSync } from "node:fs";
import { dataFolder, family, workload } from "../timing.mjs";

/** "adam" of "W2.adam". */
export const kind = workload.split(".")[1] ?? "";

/** An array of a workload's data, as in load("W2_x"): float32 or int32. */
export function load(name) {
  const file = readFileSync(`${dataFolder}/${name}.npy`);
  const start = 10 + file.readUInt16LE(8);
  const header = file.toString("latin1", 10, start);
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)[1]
    .split(",")
    .filter((text) => text.trim() !== "")
    .map(Number);
  const bytes = file.buffer.slice(file.byteOffset + start, file.byteOffset + file.length);
  return { shape, data: header.includes("'<f4'") ? new Float32Array(bytes) : new Int32Array(bytes) };
}

/** The slices of an array along its first axis. */
export function slices({ shape: [count, ...shape], data }) {
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => ({ shape, data: data.subarray(i * size, (i + 1) * size) }));
}

/** The names of the weights that have files: W2 and W4's linear layers, W5's and W5b's parts. */
export const linears = (count) => Array.from({ length: count }, (_, i) => [`w${i}`, `b${i}`]).flat();
export const encoderParts = Array.from({ length: 4 }, (_, l) =>
  ["q", "k", "v", "o", "f1", "f2"].flatMap((part) => [`l${l}_${part}w`, `l${l}_${part}b`]),
).flat();
export const encoderNorms = [0, 1, 2, 3].flatMap((l) => ["1", "2"].map((n) => [`l${l}_g${n}`, `l${l}_s${n}`]));
export const lstmParts = [0, 1].flatMap((l) => ["wih", "whh", "bih", "bhh"].map((part) => `l${l}_${part}`));

/**
 * Runs the workload asked for, and ends the process.
 * @param {Record<string, () => unknown>} single W1, W7 … by name
 * @param {{ coldStart: () => unknown, forward: () => unknown, train: () => unknown }} others
 */
export async function runWorkload(single, { coldStart, forward, train }) {
  const name = family();
  if (single[name]) await single[name]();
  else if (name === "W9") await coldStart();
  else if (kind === "inf") await forward();
  else await train();
  process.exit(0);
}
