// W1: matrix products, each compiled for its size and run alone.
import { jit, matmul, toTensor } from "oarjs";
import { giga, products, seconds } from "../timing.mjs";
import { emit, load, sample, time } from "./common.mjs";

/** @typedef {import("oarjs").Tensor} Tensor */

for (const [name, size] of Object.entries(products)) {
  const [a, b] = [toTensor(await load(`W1_${name}_a`)), toTensor(await load(`W1_${name}_b`))];
  const product = jit.compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => matmul(x, y));
  let c = product(a, b);
  for (let i = 0; i < 3; i++) c = product(a, b);
  await product.ready();
  const { median, best } = await time(
    () => {
      c.dispose();
      c = product(a, b);
    },
    () => undefined,
    { limit: seconds / 3 },
  );
  emit(name, giga(size) / median, "GFLOP/s", { best: giga(size) / best, loss_trace: sample(await c.data("float32")) });
}
