// What static helpers share: names as Paddle's LayerHelper gives them, parameters from attributes, activations by name.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError, nearest, PreconditionNotMetError } from "../core/errors.js";
import { describe } from "../core/options.js";
import type { Shape } from "../core/shape.js";
import * as F from "../nn/functional/index.js";
import { makeParameter } from "../nn/create-parameter.js";
import type { Initializer } from "../param/initializer.js";
import { type AttrLike, toParamAttr } from "../param/param-attr.js";
import { uniqueName } from "../param/unique-name.js";
import * as tensor from "../tensor/index.js";
import type { Tensor } from "../tensor/tensor.js";
import { isStaticMode } from "../trace/bind.js";
import { programOf } from "./owners.js";
import { publicExtent } from "../core/extents.js";
import { normalizedWeight, WeightNormParamAttr } from "./weight-norm.js";

/** An activation's op name, as Paddle's: `"relu"`, `"softmax"`, `"leaky_relu"`. */
export type Activation = string | null | undefined;

const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  relu: F.relu,
  relu6: F.relu6,
  elu: F.elu,
  celu: F.celu,
  selu: F.selu,
  gelu: F.gelu,
  silu: F.silu,
  swish: F.swish,
  mish: F.mish,
  leaky_relu: F.leakyRelu,
  softplus: F.softplus,
  softsign: F.softsign,
  softshrink: F.softshrink,
  hard_shrink: F.hardshrink,
  hard_sigmoid: F.hardsigmoid,
  hard_swish: F.hardswish,
  tanh_shrink: F.tanhshrink,
  logsigmoid: F.logSigmoid,
  softmax: F.softmax,
  log_softmax: F.logSoftmax,
  sigmoid: tensor.sigmoid,
  tanh: tensor.tanh,
  exp: tensor.exp,
  sqrt: tensor.sqrt,
  rsqrt: tensor.rsqrt,
  square: tensor.square,
  abs: tensor.abs,
  log: tensor.log,
  sin: tensor.sin,
  cos: tensor.cos,
  floor: tensor.floor,
  ceil: tensor.ceil,
  round: tensor.round,
  reciprocal: tensor.reciprocal,
};

/** What a helper says about a parameter. */
export interface ParameterOptions {
  readonly attr: AttrLike;
  readonly isBias?: boolean;
  readonly defaultInitializer?: Initializer;
}

/** One call of a static helper. */
export class LayerHelper {
  /** `fc_0`, or the name that was given. */
  readonly name: string;

  constructor(
    /** The helper in messages. */
    readonly op: string,
    type: string,
    name: string | null | undefined,
  ) {
    if (!isStaticMode())
      throw new PreconditionNotMetError("static mode is off.", { op, hint: "call enableStatic() first." });
    this.name = name ?? uniqueName.generate(type);
  }

  /** A parameter, or the weight that a {@link WeightNormParamAttr} makes of two; null when the attribute is false. */
  parameter(shape: Shape, dtype: DType, o: ParameterOptions): Tensor | null {
    const unknown = shape.findIndex((n) => publicExtent(n) < 0);
    if (unknown >= 0)
      throw new InvalidArgumentError(`extent ${unknown} of a parameter would be known only when the Program runs.`, {
        op: this.op,
        hint: "give that extent of the input in static.data.",
      });
    if (o.attr === "") throw new InvalidArgumentError("the name of a parameter must not be empty.", { op: this.op });
    if (o.attr instanceof WeightNormParamAttr) return normalizedWeight(this, shape, dtype, o.attr, o);
    return makeParameter(shape, o, this.name, this.name, dtype);
  }

  /** A parameter that there is whatever the attribute says. Throws InvalidArgument for false. */
  required(shape: Shape, dtype: DType, o: ParameterOptions): Tensor {
    const made = this.parameter(shape, dtype, o);
    if (!made) throw new InvalidArgumentError("the weight cannot be left out.", { op: this.op });
    return made;
  }

  /** Paddle's name for a temporary; `skip` others were made before it. */
  named<T extends Tensor>(y: T, skip = 0): T {
    for (let i = 0; i < skip; i++) uniqueName.generate(`${this.name}.tmp`);
    const program = programOf(y, this.op);
    let name = uniqueName.generate(`${this.name}.tmp`);
    while (program.block.vars.has(name)) name = uniqueName.generate(`${this.name}.tmp`);
    return program.rename(y, name);
  }

  /** Adds one number a channel, which stand on `axis`. */
  shifted(y: Tensor, bias: Tensor | null, axis: number): Tensor {
    if (!bias) return y;
    const fitted =
      axis === y.ndim - 1
        ? bias
        : tensor.reshape(
            bias,
            y.shape.map((_, a) => (a === axis ? -1 : 1)),
          );
    return this.named(tensor.add(y, fitted));
  }

  /** The activation of a name, applied. Throws InvalidArgument for an unknown one. */
  activated(y: Tensor, act: Activation): Tensor {
    if (act === null || act === undefined) return y;
    const f = typeof act === "string" && Object.hasOwn(activations, act) ? activations[act] : undefined;
    if (f) return this.named(f(y));
    const near = typeof act === "string" ? nearest(act, Object.keys(activations)) : undefined;
    throw new InvalidArgumentError(`there is no activation ${describe(act)}.`, {
      op: this.op,
      hint: near ? `did you mean ${JSON.stringify(near)}?` : "apply a function of nn.functional to the result instead.",
    });
  }
}

/** Throws InvalidArgument unless `x` is a variable (or an eager tensor that becomes a constant). */
export function requireTensor(x: unknown, op: string): asserts x is Tensor {
  if (x instanceof tensor.Tensor) return;
  throw new InvalidArgumentError(`the input must be a variable, got ${describe(x)}.`, { op });
}

/** Whether an attribute was given and is not false. */
export const wanted = (attr: AttrLike): boolean =>
  attr !== undefined && attr !== null && toParamAttr(attr, "static") !== false;
