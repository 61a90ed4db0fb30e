// W6: 50 arrays of [500, 1000], 100 MB, saved to and loaded from a .pdparams file, every page of what was loaded read.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { load, randn, save, seed } from "oarjs";
import { middle, scratchFolder } from "../timing.mjs";
import { emit } from "./common.mjs";

/** @typedef {import("oarjs").Tensor} Tensor */

const megabytes = 100;
const path = /** @type {`${string}.pdparams`} */ (join(scratchFolder, `oar-${process.pid}.pdparams`));
seed(1);
/** @type {Record<string, Tensor>} */
const state = {};
for (let i = 0; i < 50; i++) state[`t${i}`] = randn([500, 1000]);

/** @type {number[]} */
const saves = [];
/** @type {number[]} */
const loads = [];
/** @type {Record<string, Tensor>} */
let loaded = {};
for (let i = 0; i < 4; i++) {
  const began = performance.now();
  await save(state, path);
  const saved = performance.now();
  for (const t of Object.values(loaded)) t.dispose();
  const loading = performance.now();
  loaded = await load(path);
  await Promise.all(Object.values(loaded).map((t) => t.sum().item()));
  saves.push((saved - began) / 1000);
  loads.push((performance.now() - loading) / 1000);
}
rmSync(path);
for (const [name, t] of Object.entries(state)) {
  const [wanted, found] = [await t.data("float32"), await loaded[name]?.data("float32")];
  if (!wanted.every((v, i) => v === found?.[i])) throw new Error(`${name} differs after loading`);
}
for (const [metric, times] of Object.entries({ "native.save": saves, "native.load": loads })) {
  emit(metric, megabytes / middle(times), "MB/s", { best: megabytes / Math.min(...times), loss_trace: [] });
}
