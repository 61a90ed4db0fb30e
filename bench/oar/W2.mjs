// W2: a 784-256-128-10 network on batches of 128; training with SGD or Adam as one compiled step, or the forward pass alone.
import { jit, nn, noGrad, optimizer } from "oarjs";
import { batches, benchTraining, emit, load, pick, sample, time, workload } from "./common.mjs";

/** @typedef {import("oarjs").Tensor} Tensor */

const { Assign } = nn.initializer;
const { crossEntropy } = nn.functional;

/**
 * A layer with given weights.
 * @param {number} i its number in the files
 */
async function linear(i) {
  const [w, b] = [await load(`W2_w${i}`), await load(`W2_b${i}`)];
  const [inputs = 0, outputs = 0] = w.shape;
  return new nn.Linear(inputs, outputs, {
    weightAttr: { initializer: new Assign(w) },
    biasAttr: { initializer: new Assign(b) },
  });
}

const net = new nn.Sequential(await linear(0), new nn.ReLU(), await linear(1), new nn.ReLU(), await linear(2));
const xs = batches(await load("W2_x"));
const ys = batches(await load("W2_y"));
const [, kind] = workload.split(".");

if (kind === "inf") await inference();
else await training();

async function training() {
  const parameters = net.parameters();
  const opt =
    kind === "sgd"
      ? new optimizer.SGD({ learningRate: 0.01, parameters })
      : new optimizer.Adam({ learningRate: 1e-3, parameters });
  const step = jit.compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const loss = crossEntropy(net(x), y);
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  });
  await benchTraining((i) => step(pick(xs, i), pick(ys, i)), 10, step.ready);
}

async function inference() {
  net.eval();
  const forward = jit.compile((/** @type {Tensor} */ x) => noGrad(() => net(x)));
  const logits = await forward(pick(xs, 0)).data("float32");
  for (let i = 0; i < 3; i++) forward(pick(xs, i));
  await forward.ready();
  let i = 0;
  let last = forward(pick(xs, 0));
  const { median, best } = await time(
    () => {
      last = forward(pick(xs, i++ % 4));
    },
    () => last.data(),
  );
  emit("batches_per_s", 1 / median, "batches/s", { best: 1 / best, loss_trace: sample(logits) });
}
