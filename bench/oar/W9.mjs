// W9: import, build W2, one Adam step; the time from the start of the process to the first line.
import { jit, nn, optimizer } from "oarjs";
import { batches, emit, load, pick } from "./common.mjs";

/** @typedef {import("oarjs").Tensor} Tensor */

const { Assign } = nn.initializer;
const layers = [];
for (const i of [0, 1, 2]) {
  const [w, b] = [await load(`W2_w${i}`), await load(`W2_b${i}`)];
  const [inputs = 0, outputs = 0] = w.shape;
  layers.push(
    new nn.Linear(inputs, outputs, {
      weightAttr: { initializer: new Assign(w) },
      biasAttr: { initializer: new Assign(b) },
    }),
  );
  if (i < 2) layers.push(new nn.ReLU());
}
const net = new nn.Sequential(...layers);
const opt = new optimizer.Adam({ learningRate: 1e-3, parameters: net.parameters() });
const step = jit.compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
  const loss = nn.functional.crossEntropy(net(x), y);
  loss.backward();
  opt.step();
  opt.clearGrad();
  return loss;
});
const loss = step(pick(batches(await load("W2_x")), 0), pick(batches(await load("W2_y")), 0));
emit("first_step", Number(await loss.item()), "loss", {});
process.exit(0);
