// W3b: ResNet-18 in its variant for 32 x 32 images, batches of 32, trained with Momentum, or its forward pass alone.
import { nn, optimizer, regularizer } from "oarjs";
import { batches, benchClassifier, load, loadWeights } from "./common.mjs";

/** @typedef {import("oarjs").Tensor} Tensor */

const { adaptiveAvgPool2d, relu } = nn.functional;

/** Two 3 x 3 convolutions beside a shortcut, which is a 1 x 1 convolution where channels or extents change. */
class Block extends nn.Layer {
  /**
   * @param {number} inputs
   * @param {number} outputs
   * @param {number} stride
   */
  constructor(inputs, outputs, stride) {
    super("block");
    this.c1 = new nn.Conv2D(inputs, outputs, 3, { stride, padding: 1, biasAttr: false });
    this.b1 = new nn.BatchNorm2D(outputs);
    this.c2 = new nn.Conv2D(outputs, outputs, 3, { padding: 1, biasAttr: false });
    this.b2 = new nn.BatchNorm2D(outputs);
    this.d = inputs === outputs ? null : new nn.Conv2D(inputs, outputs, 1, { stride, biasAttr: false });
    this.bd = inputs === outputs ? null : new nn.BatchNorm2D(outputs);
  }

  /**
   * @override
   * @param {Tensor} x
   */
  forward(x) {
    const y = this.b2(this.c2(relu(this.b1(this.c1(x)))));
    return relu(y.add(this.d && this.bd ? this.bd(this.d(x)) : x));
  }
}

class ResNet extends nn.Layer {
  constructor() {
    super("res_net");
    this.stem = new nn.Conv2D(3, 64, 3, { padding: 1, biasAttr: false });
    this.bn = new nn.BatchNorm2D(64);
    const widths = [64, 64, 128, 256, 512];
    const stage = (/** @type {number} */ i) => {
      const [inputs, outputs] = /** @type {[number, number]} */ (widths.slice(i, i + 2));
      return new nn.Sequential(new Block(inputs, outputs, i === 0 ? 1 : 2), new Block(outputs, outputs, 1));
    };
    this.stages = new nn.Sequential(stage(0), stage(1), stage(2), stage(3));
    this.fc = new nn.Linear(512, 10);
  }

  /**
   * @override
   * @param {Tensor} x
   */
  forward(x) {
    return this.fc(adaptiveAvgPool2d(this.stages(relu(this.bn(this.stem(x)))), 1).flatten(1));
  }
}

const net = new ResNet();
/** @type {Record<string, string>} */
const files = { "stem.weight": "W3b_stem", "fc.weight": "W3b_fcw", "fc.bias": "W3b_fcb" };
for (let s = 0; s < 4; s++) {
  for (let b = 0; b < 2; b++) {
    for (const name of s > 0 && b === 0 ? ["c1", "c2", "d"] : ["c1", "c2"]) {
      files[`stages.${s}.${b}.${name}.weight`] = `W3b_s${s}b${b}${name}`;
    }
  }
}
await loadWeights(net, files);

await benchClassifier(net, {
  xs: batches(await load("W3b_x")),
  ys: batches(await load("W3b_y")),
  makeOptimizer: () =>
    new optimizer.Momentum({
      learningRate: 0.01,
      momentum: 0.9,
      parameters: net.parameters(),
      weightDecay: new regularizer.L2Decay(5e-4),
    }),
});
