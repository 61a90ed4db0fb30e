// W1: matrix products, each compiled for its size and run alone.
import { jit, matmul, toTensor } from "oarjs";
import { emit, load, sample, time } from "./common.mjs";

/** @typedef {import("oarjs").Tensor} Tensor */

const sizes = {
  g512: [512, 512, 512],
  g1024: [1024, 1024, 1024],
  g2048: [2048, 2048, 2048],
  skinny: [128, 784, 256],
  bmm: [32, 128, 64, 128],
};

for (const [name, size] of Object.entries(sizes)) {
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
  );
  const giga = (2 * size.reduce((n, e) => n * e, 1)) / 1e9;
  emit(name, giga / median, "GFLOP/s", { best: giga / best, loss_trace: sample(await c.data("float32")) });
}
