// The example whose bundle is measured: a small network, three steps, its losses and its parameters' names.

import { seed, type Tensor, toTensor } from "oarjs";
import { Layer, Linear, ReLU } from "oarjs/nn";
import { crossEntropy } from "oarjs/nn/functional";
import { SGD } from "oarjs/optimizer";

class Mlp extends Layer {
  hidden = new Linear(4, 8);
  activation = new ReLU();
  out = new Linear(8, 2);

  constructor() {
    super("mlp");
  }

  override forward(x: Tensor): Tensor {
    return this.out(this.activation(this.hidden(x)));
  }
}

seed(1);
const net = new Mlp();
const sgd = new SGD({ learningRate: 0.1, parameters: net.parameters() });
const x = toTensor([
  [1, 2, 3, 4],
  [4, 3, 2, 1],
]);
const y = toTensor([0n, 1n]);
const losses: number[] = [];
for (let i = 0; i < 3; i++) {
  const loss = crossEntropy(net(x), y);
  losses.push(Number(await loss.item()));
  loss.backward();
  sgd.step();
  sgd.clearGrad();
}
const names = net.namedParameters().map(([key, p]) => [key, p.name, ...p.creators]);
console.log(JSON.stringify({ names, layers: net.sublayers(true).map((layer) => layer.fullName()), losses }));
