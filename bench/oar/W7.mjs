// W7: the cost of one eager call: an addition, a small matrix product, a chain of ten ops with its gradients, and the same compiled.
import { add, grad, jit, matmul, ones, toTensor } from "oarjs";
import { emit, time } from "./common.mjs";

/** @typedef {import("oarjs").Tensor} Tensor */

const x = ones([4]);
const y = toTensor([2, 2, 2, 2]);
const [a, b] = [ones([4, 4]), ones([4, 4])];
const w = toTensor([1.01, 0.99, 1.02, 0.98], { stopGradient: false });
const bias = toTensor([0.1, 0.2, 0.3, 0.4], { stopGradient: false });

/** @type {Tensor} */
let out = x;
const sync = () => out.data();

await measure("add4", "ns/op", () => add(x, y), await total(add(x, y)));
await measure("matmul4x4", "ns/op", () => matmul(a, b), await total(matmul(a, b)));
await measure("chain10_fwdbwd", "ns/chain", chain, await values(chain()));
const compiled = jit.compile((/** @type {Tensor} */ seed) => chain(seed));
await measure("chain10_jit", "ns/chain", () => compiled(y), await values(compiled(y)));

/** The gradients of z = (…((x w + b) w + b)…) with respect to w and b; gives that of w. */
function chain(gradOutputs = y) {
  let z = x;
  for (let i = 0; i < 5; i++) z = z.multiply(w).add(bias);
  const [dw] = grad(z, [w, bias], { gradOutputs });
  return /** @type {Tensor} */ (dw);
}

/**
 * @param {string} metric
 * @param {string} unit
 * @param {() => Tensor} call
 * @param {number[]} trace
 */
async function measure(metric, unit, call, trace) {
  const { median, best } = await time(() => {
    out = call();
  }, sync);
  emit(metric, median * 1e9, unit, { best: best * 1e9, loss_trace: trace });
}

/** @param {Tensor} t */
async function values(t) {
  return Array.from(await t.data("float32"));
}

/** @param {Tensor} t */
async function total(t) {
  return values(t.sum());
}
