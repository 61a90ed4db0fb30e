// Activation layers without options: each calls the function of its name.

import { splitOptions } from "../../core/options.js";
import type { Tensor } from "../../tensor/tensor.js";
import * as F from "../functional/activation.js";
import { Layer } from "../layer.js";

/** A name, accepted for Paddle's sake; it names nothing. */
interface Named {
  readonly name?: string | null | undefined;
}

/** Checks the options of a layer that has none. */
function onlyName(api: string, options: Named | undefined): void {
  splitOptions<Named>(api, options === undefined ? [] : [options], ["name"]);
}

/**
 * `max(0, x)`.
 *
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * console.log(await new nn.ReLU()(toTensor([-1, 2])).tolist()); // [0, 2]
 * ```
 */
export class ReLU extends Layer {
  constructor(options?: Named) {
    super(new.target === ReLU ? "re_lu" : null);
    onlyName("ReLU", options);
  }

  override forward(x: Tensor): Tensor {
    return F.relu(x);
  }
}

/** `min(max(0, x), 6)`. */
export class ReLU6 extends Layer {
  constructor(options?: Named) {
    super(new.target === ReLU6 ? "re_lu6" : null);
    onlyName("ReLU6", options);
  }

  override forward(x: Tensor): Tensor {
    return F.relu6(x);
  }
}

/** `1 / (1 + e^-x)`. */
export class Sigmoid extends Layer {
  constructor(options?: Named) {
    super(new.target === Sigmoid ? "sigmoid" : null);
    onlyName("Sigmoid", options);
  }

  override forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

/** Hyperbolic tangent. */
export class Tanh extends Layer {
  constructor(options?: Named) {
    super(new.target === Tanh ? "tanh" : null);
    onlyName("Tanh", options);
  }

  override forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

/** `log σ(x)`. */
export class LogSigmoid extends Layer {
  constructor(options?: Named) {
    super(new.target === LogSigmoid ? "log_sigmoid" : null);
    onlyName("LogSigmoid", options);
  }

  override forward(x: Tensor): Tensor {
    return F.logSigmoid(x);
  }
}

/** `x tanh(log(1 + e^x))`. */
export class Mish extends Layer {
  constructor(options?: Named) {
    super(new.target === Mish ? "mish" : null);
    onlyName("Mish", options);
  }

  override forward(x: Tensor): Tensor {
    return F.mish(x);
  }
}

/** `x / (1 + |x|)`. */
export class Softsign extends Layer {
  constructor(options?: Named) {
    super(new.target === Softsign ? "softsign" : null);
    onlyName("Softsign", options);
  }

  override forward(x: Tensor): Tensor {
    return F.softsign(x);
  }
}

/** `x σ(x)`. */
export class Swish extends Layer {
  constructor(options?: Named) {
    super(new.target === Swish ? "swish" : null);
    onlyName("Swish", options);
  }

  override forward(x: Tensor): Tensor {
    return F.swish(x);
  }
}

/** `x - tanh x`. */
export class Tanhshrink extends Layer {
  constructor(options?: Named) {
    super(new.target === Tanhshrink ? "tanhshrink" : null);
    onlyName("Tanhshrink", options);
  }

  override forward(x: Tensor): Tensor {
    return F.tanhshrink(x);
  }
}

/** `min(max(x / 6 + 1 / 2, 0), 1)`. */
export class Hardsigmoid extends Layer {
  constructor(options?: Named) {
    super(new.target === Hardsigmoid ? "hardsigmoid" : null);
    onlyName("Hardsigmoid", options);
  }

  override forward(x: Tensor): Tensor {
    return F.hardsigmoid(x);
  }
}

/** `x min(max(x + 3, 0), 6) / 6`. */
export class Hardswish extends Layer {
  constructor(options?: Named) {
    super(new.target === Hardswish ? "hardswish" : null);
    onlyName("Hardswish", options);
  }

  override forward(x: Tensor): Tensor {
    return F.hardswish(x);
  }
}
