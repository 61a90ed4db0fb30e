// LeNet, as Paddle defines it.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { Sequential } from "../../nn/containers.js";
import { Layer } from "../../nn/layer.js";
import { ReLU } from "../../nn/layers/activation.js";
import { Conv2D } from "../../nn/layers/conv.js";
import { Linear } from "../../nn/layers/linear.js";
import { MaxPool2D } from "../../nn/layers/pooling.js";
import type { Tensor } from "../../tensor/tensor.js";

/** Options of {@link LeNet}. */
export interface LeNetOptions {
  /** 10 by default; 0: no fully connected layers, the features themselves. */
  readonly numClasses?: number | undefined;
}

/**
 * Two convolutions with pooling and three linear layers, for digits `[n, 1, 28, 28]`: "Gradient-based learning applied to document
 * recognition", LeCun et al. 1998, in Paddle's variant (3 x 3 windows first, nothing between the linear layers). Gives scores
 * `[n, numClasses]`; state-dict keys are Paddle's.
 *
 * @throws InvalidArgumentError unless numClasses is an integer.
 * @example
 * ```ts
 * import { ones, vision } from "oarjs";
 * const net = new vision.models.LeNet();
 * console.log(net(ones([1, 1, 28, 28])).shape); // [ 1, 10 ]
 * ```
 */
export class LeNet extends Layer {
  readonly numClasses: number;
  features = new Sequential(
    new Conv2D(1, 6, 3, { stride: 1, padding: 1 }),
    new ReLU(),
    new MaxPool2D(2, 2),
    new Conv2D(6, 16, 5, { stride: 1, padding: 0 }),
    new ReLU(),
    new MaxPool2D(2, 2),
  );
  fc: Sequential | null;

  constructor(...rest: Trailing<number, LeNetOptions>) {
    super(new.target === LeNet ? "le_net" : null);
    const { numClasses = 10 } = splitOptions<LeNetOptions>("LeNet", rest, ["numClasses"]);
    if (!Number.isInteger(numClasses)) {
      throw new InvalidArgumentError(`numClasses must be an integer, got ${numClasses}.`, { op: "LeNet" });
    }
    this.numClasses = numClasses;
    this.fc =
      numClasses > 0 ? new Sequential(new Linear(400, 120), new Linear(120, 84), new Linear(84, numClasses)) : null;
  }

  override forward(inputs: Tensor): Tensor {
    const x = this.features(inputs);
    return this.fc ? this.fc(x.flatten(1)) : x;
  }
}
