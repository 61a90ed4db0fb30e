// Training, and asking the trained network.

import { hapi, io, jit, nn, noGrad, optimizer, regularizer, summary, type Tensor, toTensor } from "oarjs";
import { arraysOf, type LabelledMail } from "./mails.js";
import type { SpamNet } from "./model.js";

const { crossEntropy, softmax } = nn.functional;

/** Trains for five epochs; gives the speed in mails a second. */
export async function train(net: SpamNet, mails: readonly LabelledMail[]): Promise<number> {
  const adam = new optimizer.Adam({
    learningRate: 1e-3,
    parameters: net.parameters(),
    weightDecay: new regularizer.L2Decay(1e-5),
  });
  console.log(`${summary(net, { optimizer: adam })}\n`);

  // Runs once to be traced; from then on forward, backward and update are one call of machine code.
  const step = jit.compile((subject: Tensor, body: Tensor, label: Tensor) => {
    const loss = crossEntropy(net(subject, body), label);
    loss.backward();
    adam.step();
    adam.clearGrad();
    return loss;
  });

  const loader = new io.DataLoader(new io.TensorDataset(arraysOf(mails)), { batchSize: 64, shuffle: true });
  const began = performance.now();
  let total = 0;
  for (let epoch = 1; epoch <= 5; epoch++) {
    const bar = new hapi.ProgressBar(mails.length, { name: "mail" });
    let [seen, losses] = [0, 0];
    for await (const [subject, body, label] of loader) {
      const loss = await step(subject, body, label).item();
      seen += label.size;
      losses += Number(loss) * label.size;
      bar.update(seen, [
        ["loss", losses / seen],
        ["mails/s", String(speed(total + seen))],
      ]);
    }
    total += seen;
  }
  return speed(total);

  function speed(count: number): number {
    return Math.round((1000 * count) / (performance.now() - began));
  }
}

/** How likely each mail is spam. */
export function spamProbability(net: SpamNet, mails: readonly LabelledMail[]): Float32Array {
  const [subject, body] = arraysOf(mails);
  net.eval();
  return noGrad(() => softmax(net(toTensor(subject), toTensor(body))).at("...", 1)).dataSync("float32");
}
