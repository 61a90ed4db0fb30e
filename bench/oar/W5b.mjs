// W5b: an LSTM of two layers whose last step is classified, batches of 32 x 64 x 256; trained with Adam, or forward alone.
import { nn, optimizer } from "oarjs";
import { batches, benchClassifier, load, loadWeights } from "./common.mjs";

/** @typedef {import("oarjs").Tensor} Tensor */

class Classifier extends nn.Layer {
  constructor() {
    super("classifier");
    this.lstm = new nn.LSTM(256, 256, { numLayers: 2 });
    this.fc = new nn.Linear(256, 10);
  }

  /**
   * @override
   * @param {Tensor} x
   */
  forward(x) {
    const [steps] = this.lstm(x);
    return this.fc(steps.at(":", -1));
  }
}

const net = new Classifier();
/** @type {Record<string, string>} */
const files = { "fc.weight": "W5b_fcw", "fc.bias": "W5b_fcb" };
for (const l of [0, 1]) {
  for (const [key, file] of Object.entries({ weight_ih: "wih", weight_hh: "whh", bias_ih: "bih", bias_hh: "bhh" })) {
    files[`lstm.${key}_l${l}`] = `W5b_l${l}_${file}`;
  }
}
await loadWeights(net, files);

await benchClassifier(net, {
  xs: batches(await load("W5b_x")),
  ys: batches(await load("W5b_y")),
  makeOptimizer: () => new optimizer.Adam({ learningRate: 1e-3, parameters: net.parameters() }),
});
