// Training, and asking the trained network.

import { hapi, io, jit, nn, noGrad, optimizer, summary, type Tensor, toTensor, type vision } from "oarjs";
import type { LeNet5 } from "./model.js";

const { crossEntropy, softmax } = nn.functional;

const BATCH = 64;

type Digits = vision.datasets.MNIST;

/** Trains, the learning rate falling to 0 from the first epoch to the last; gives the speed in images a second. */
export async function train(net: LeNet5, digits: Digits, epochs: number): Promise<number> {
  const steps = epochs * Math.ceil(digits.length / BATCH);
  const learningRate = new optimizer.lr.CosineAnnealingDecay(2e-3, steps);
  const adam = new optimizer.Adam({ learningRate, parameters: net.parameters() });
  console.log(`${summary(net, { optimizer: adam })}\n`);

  // Runs once to be traced; from then on forward, backward and update are one call of machine code.
  const step = jit.compile((images: Tensor, labels: Tensor) => {
    const loss = crossEntropy(net(images), labels);
    loss.backward();
    adam.step();
    adam.clearGrad();
    return loss;
  });

  const dataset = new io.TensorDataset([digits.images, digits.labels]);
  const loader = new io.DataLoader(dataset, { batchSize: BATCH, shuffle: true });
  const began = performance.now();
  let total = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const bar = new hapi.ProgressBar(digits.length, { name: "image" });
    let [seen, losses] = [0, 0];
    for await (const [images, labels] of loader) {
      const loss = await step(images, labels).item();
      learningRate.step();
      seen += labels.size;
      losses += Number(loss) * labels.size;
      bar.update(seen, [
        ["loss", losses / seen],
        ["images/s", String(Math.round(speed(total + seen)))],
      ]);
    }
    total += seen;
  }
  return speed(total);

  function speed(count: number): number {
    return (1000 * count) / (performance.now() - began);
  }
}

/** How likely each image shows each of the ten digits, `[n, 10]` row by row. */
export function predict(net: LeNet5, digits: Digits): Float32Array {
  net.eval();
  return noGrad(() => softmax(net(toTensor(digits.images)))).dataSync("float32");
}
