// W4: a text classifier, embedding 50000 x 100, mean over 200 words, two linear layers; the embedding trained densely, lazily, or frozen.
import { nn, optimizer } from "oarjs";
import { batches, benchTraining, load, workload } from "./common.mjs";

/** @typedef {import("oarjs").Tensor} Tensor */

const [, kind] = workload.split(".");
if (kind === "inf") throw new Error("N/A: W4 has no inference workload");

const { Assign } = nn.initializer;
const assigned = async (/** @type {string} */ name) => ({ initializer: new Assign(await load(`W4_${name}`)) });

const words = new nn.Embedding(50000, 100, {
  sparse: kind === "sparse",
  weightAttr: { ...(await assigned("emb")), trainable: kind !== "frozen" },
});
const hidden = new nn.Linear(100, 64, { weightAttr: await assigned("w0"), biasAttr: await assigned("b0") });
const output = new nn.Linear(64, 2, { weightAttr: await assigned("w1"), biasAttr: await assigned("b1") });
const parameters = [...words.parameters(), ...hidden.parameters(), ...output.parameters()];
const opt = new optimizer.Adam({ learningRate: 2e-2, parameters, lazyMode: kind === "sparse" });

await benchTraining((/** @type {Tensor} */ x) => output(nn.functional.relu(hidden(words(x).mean(1)))), {
  parameters,
  opt,
  xs: batches(await load("W4_x")),
  ys: batches(await load("W4_y")),
});
