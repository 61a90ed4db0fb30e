// W2: a 784-256-128-10 network on batches of 128, trained with SGD or Adam, or its forward pass alone.
import { nn, optimizer } from "oarjs";
import { batches, benchClassifier, load, loadWeights, workload } from "./common.mjs";

const net = new nn.Sequential(
  new nn.Linear(784, 256),
  new nn.ReLU(),
  new nn.Linear(256, 128),
  new nn.ReLU(),
  new nn.Linear(128, 10),
);
const files = [0, 1, 2].flatMap((i) => [
  [`${2 * i}.weight`, `W2_w${i}`],
  [`${2 * i}.bias`, `W2_b${i}`],
]);
await loadWeights(net, Object.fromEntries(files));

const parameters = net.parameters();
await benchClassifier(net, {
  xs: batches(await load("W2_x")),
  ys: batches(await load("W2_y")),
  makeOptimizer: () =>
    workload === "W2.sgd"
      ? new optimizer.SGD({ learningRate: 0.01, parameters })
      : new optimizer.Adam({ learningRate: 1e-3, parameters }),
});
