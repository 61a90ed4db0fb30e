// W3a: LeNet-5 on batches of 64 digits, trained with Adam, or its forward pass alone.
import { nn, optimizer } from "oarjs";
import { batches, benchClassifier, load, loadWeights } from "./common.mjs";

const net = new nn.Sequential(
  new nn.Conv2D(1, 6, 5, { padding: 2 }),
  new nn.ReLU(),
  new nn.MaxPool2D(2, 2),
  new nn.Conv2D(6, 16, 5),
  new nn.ReLU(),
  new nn.MaxPool2D(2, 2),
  new nn.Flatten(),
  new nn.Linear(400, 120),
  new nn.ReLU(),
  new nn.Linear(120, 84),
  new nn.ReLU(),
  new nn.Linear(84, 10),
);
const places = { 0: ["cw0", "cb0"], 3: ["cw1", "cb1"], 7: ["w0", "b0"], 9: ["w1", "b1"], 11: ["w2", "b2"] };
const files = Object.entries(places).flatMap(([i, [weight, bias]]) => [
  [`${i}.weight`, `W3a_${weight}`],
  [`${i}.bias`, `W3a_${bias}`],
]);
await loadWeights(net, Object.fromEntries(files));

await benchClassifier(net, {
  xs: batches(await load("W3a_x")),
  ys: batches(await load("W3a_y")),
  makeOptimizer: () => new optimizer.Adam({ learningRate: 1e-3, parameters: net.parameters() }),
});
