// W12: y = gelu(x w + b) + x over 4 M elements with the gradients of x, w and b; every result in memory.
import { add, grad, jit, multiply, nn, toTensor } from "oarjs";
import { emit, load, sample, time } from "./common.mjs";

/** @typedef {import("oarjs").Tensor} Tensor */

const given = async (/** @type {string} */ name) => toTensor(await load(`W12_${name}`), { stopGradient: false });
const [x, w, b, g] = [await given("x"), await given("w"), await given("b"), toTensor(await load("W12_g"))];

const run = jit.compile(
  (/** @type {Tensor} */ x, /** @type {Tensor} */ w, /** @type {Tensor} */ b, /** @type {Tensor} */ g) => {
    const y = add(nn.functional.gelu(add(multiply(x, w), b)), x);
    const [dx, dw, db] = grad(y, [x, w, b], { gradOutputs: g });
    return [y, dx, dw, db];
  },
);
/** @type {Tensor[]} */
let out = [];
const once = () => {
  for (const t of out) t.dispose();
  out = /** @type {Tensor[]} */ (run(x, w, b, g));
};
for (let i = 0; i < 3; i++) once();
await run.ready();
once();
const trace = [];
for (const t of out) trace.push(...sample(await t.data("float32")).slice(0, 2));
const { median, best } = await time(once, () => undefined);
emit("ms", median * 1e3, "ms", { best: best * 1e3, gbps: (11 * 4 * 4194304) / median / 1e9, loss_trace: trace });
