// Paddle's arithmetic functions of tensors: each broadcasts its operands and takes a number in place of the second.

import { isInt } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { checkOptions, splitOptions, type Trailing } from "../core/options.js";
import * as activation from "../ops/activation.js";
import * as ops from "../ops/arithmetic.js";
import { relu } from "../ops/piecewise-activation.js";
import { cast } from "../ops/cast.js";
import * as comparison from "../ops/comparison.js";
import * as exponential from "../ops/exponential.js";
import { clip as clipOf } from "../ops/logic.js";
import * as rounding from "../ops/rounding.js";
import * as loops from "../ops/special-loops.js";
import * as two from "../ops/two-numbers.js";
import { atan2 as atan2Of } from "../ops/trigonometric.js";
import { inplace } from "../trace/inplace.js";
import { withGrad } from "../trace/tape.js";
import { numberOf } from "./arguments.js";
import { mutating } from "./mutating.js";
import type { Tensor } from "./tensor.js";

/**
 * `x + y`, element by element, broadcast. Tensors of different dtypes meet as in Paddle: floats in the wider one, anything with complex in
 * complex; integers do not mix with others. A number takes the tensor's dtype, except a fraction beside integers, which gives floats.
 *
 * @throws InvalidArgumentError for shapes that do not broadcast and dtypes that do not mix.
 * @example
 * ```ts
 * import { add, toTensor } from "oarjs";
 * console.log(await add(toTensor([[1], [2]]), toTensor([10, 20])).tolist()); // [[11, 21], [12, 22]]
 * ```
 */
export const add = (x: Tensor, y: Tensor | number): Tensor => ops.add(x, y);
/** `x - y`, element by element; operands as in {@link add}. */
export const subtract = (x: Tensor, y: Tensor | number): Tensor => ops.subtract(x, y);
/** `x * y`, element by element; operands as in {@link add}. */
export const multiply = (x: Tensor, y: Tensor | number): Tensor => ops.multiply(x, y);

/** Options of {@link divide}. */
export interface DivideOptions {
  /** "trunc": the quotient rounded towards zero; "floor": {@link floorDivide}; null, the default: as it is. */
  readonly roundingMode?: "trunc" | "floor" | null | undefined;
}

/**
 * `x / y`, element by element; integers give float32, or with a rounding mode integers. Operands as in {@link add}.
 *
 * @throws InvalidArgumentError for another rounding mode.
 */
export function divide(x: Tensor, y: Tensor | number, options?: DivideOptions): Tensor {
  const { roundingMode: mode = null } = checkOptions<DivideOptions>("divide", options, ["roundingMode"]);
  if (mode === null) return ops.divide(x, y);
  if (mode === "floor") return floorDivide(x, y);
  if (mode !== "trunc")
    throw new InvalidArgumentError(`roundingMode must be "trunc", "floor" or null, got ${JSON.stringify(mode)}.`, {
      op: "divide",
    });
  requireDivisor(x, y, "divide");
  return rounding.truncDivide(x, y);
}
/** `-x`. */
export const neg = (x: Tensor): Tensor => ops.neg(x);

/** Refuses the number 0 as divisor of integers, as Paddle does. Zeros inside a tensor of integers give 0. */
function requireDivisor(x: Tensor, y: Tensor | number, op: string): void {
  if (y === 0 && (isInt(x.dtype) || x.dtype === "bool"))
    throw new InvalidArgumentError("integer division by zero.", { op, x: x.dtype });
}

/**
 * `floor(x / y)`. Floats divided by 0 give an infinity or NaN; an integer divided by a 0 inside a tensor gives 0.
 *
 * @throws InvalidArgumentError for integers divided by the number 0.
 */
export function floorDivide(x: Tensor, y: Tensor | number): Tensor {
  requireDivisor(x, y, "floorDivide");
  return rounding.floorDivide(x, y);
}

/**
 * `x - floor(x / y) y`: the remainder with y's sign, Python's `%`. An integer modulo a 0 inside a tensor gives 0.
 *
 * @throws InvalidArgumentError for integers modulo the number 0.
 */
export function remainder(x: Tensor, y: Tensor | number): Tensor {
  requireDivisor(x, y, "remainder");
  return rounding.remainder(x, y);
}

/**
 * `x^y`. Integers give integers, which wrap; a fraction as exponent gives floats.
 *
 * @example
 * ```ts
 * import { pow, toTensor } from "oarjs";
 * console.log(await pow(toTensor([1, 2, 3]), 2).tolist()); // [1, 4, 9]
 * ```
 */
export const pow = (x: Tensor, y: Tensor | number): Tensor => exponential.pow(x, y);
/** The larger of x and y; NaN where either is. Equal operands share the gradient. */
export const maximum = (x: Tensor, y: Tensor | number): Tensor => comparison.maximum(x, y);
/** The smaller of x and y; NaN where either is. Equal operands share the gradient. */
export const minimum = (x: Tensor, y: Tensor | number): Tensor => comparison.minimum(x, y);
/** The larger of x and y, or the one that is not NaN. */
export const fmax = (x: Tensor, y: Tensor | number): Tensor => comparison.fmax(x, y);
/** The smaller of x and y, or the one that is not NaN. */
export const fmin = (x: Tensor, y: Tensor | number): Tensor => comparison.fmin(x, y);
/** The angle of the point (y, x) in radians, in [-pi, pi]; x is y and y is x, as in C's atan2. Integers give float64. */
export const atan2 = (x: Tensor, y: Tensor): Tensor => atan2Of(x, y);
/** `sqrt(x^2 + y^2)`, without overflow of the squares; integers give float32. */
export const hypot = (x: Tensor, y: Tensor): Tensor => two.hypot(x, y);
/** The magnitude of x with the sign of y (of -0 too). */
export const copysign = (x: Tensor, y: Tensor | number): Tensor => two.copysign(x, y);
/** The next float after x towards y. */
export const nextafter = (x: Tensor, y: Tensor): Tensor => two.nextafter(x, y);
/** 0 where x < 0, 1 where x > 0, y where x is 0. */
export const heaviside = (x: Tensor, y: Tensor): Tensor => two.heaviside(x, y);
/** `ln(e^x + e^y)`, without overflow; integers give float32. */
export const logaddexp = (x: Tensor, y: Tensor): Tensor => exponential.logaddexp(x, y);
/** `x + weight (y - x)` of float tensors; the weight is a number or a tensor that broadcasts. */
export const lerp = (x: Tensor, y: Tensor, weight: Tensor | number): Tensor => two.lerp(x, y, weight);
/** The greatest common divisor of integers, not negative. */
export const gcd = (x: Tensor, y: Tensor): Tensor => loops.gcd(x, y);
/** The least common multiple of integers, not negative. */
export const lcm = (x: Tensor, y: Tensor): Tensor => loops.lcm(x, y);
/** The regularised lower incomplete gamma function P(x, y); no gradient by x. */
export const gammainc = (x: Tensor, y: Tensor): Tensor => loops.gammainc(x, y);
/** The regularised upper incomplete gamma function Q(x, y) = 1 - P(x, y); no gradient by x. */
export const gammaincc = (x: Tensor, y: Tensor): Tensor => loops.gammaincc(x, y);

/** `x 2^y`; float32 unless one is float64. */
export function ldexp(x: Tensor, y: Tensor): Tensor {
  const dtype = x.dtype === "float64" || y.dtype === "float64" ? "float64" : "float32";
  return ops.multiply(cast(x, dtype), exponential.elementwisePow<Tensor>(2, cast(y, dtype)));
}

/** The sum of several tensors of one shape and dtype; one tensor alone is copied. */
export const addN = (inputs: Tensor | readonly Tensor[]): Tensor =>
  ops.addN(Array.isArray(inputs) ? (inputs as readonly Tensor[]) : [inputs as Tensor]);
/** Options of {@link clip}. */
export interface ClipOptions {
  /** Lower bound: a number or a tensor of one element. Default none. */
  readonly min?: number | Tensor | null | undefined;
  /** Upper bound: a number or a tensor of one element. Default none. */
  readonly max?: number | Tensor | null | undefined;
}

/** The arguments after the tensor. */
export type ClipArguments =
  | Trailing<number | Tensor | null, ClipOptions>
  | [min: number | Tensor | null | undefined, max: number | Tensor | null | undefined, options?: ClipOptions];

/**
 * `min(max(x, min), max)`; NaN stays. The gradient flows where x is within the bounds, ends included. Fractions as bounds of integers give
 * floats.
 *
 * @throws InvalidArgumentError when max < min.
 * @example
 * ```ts
 * import { clip, toTensor } from "oarjs";
 * console.log(await clip(toTensor([-2, 0.5, 3]), 0, 1).tolist()); // [0, 0.5, 1]
 * ```
 */
export function clip(x: Tensor, ...rest: ClipArguments): Tensor {
  const { min, max } = splitOptions<ClipOptions>("clip", rest, ["min", "max"], 2);
  if (typeof min === "number" && typeof max === "number" && max < min)
    throw new InvalidArgumentError(`max must not be below min, got min = ${min}, max = ${max}.`, {
      op: "clip",
      min,
      max,
    });
  return clipOf(x, min ?? undefined, max ?? undefined);
}

/** Options of {@link scale}. */
export interface ScaleOptions {
  /** Factor, default 1; a tensor of one element is read at once. */
  readonly scale?: number | Tensor | undefined;
  /** Summand, default 0. */
  readonly bias?: number | undefined;
  /** Default true: `scale x + bias`; false: `scale (x + bias)`. */
  readonly biasAfterScale?: boolean | undefined;
  /** An activation of the result: "relu", "sigmoid", "tanh", "gelu", "silu" or "softplus". */
  readonly act?: string | null | undefined;
}

const acts: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  relu,
  sigmoid: activation.sigmoid,
  tanh: activation.tanh,
  gelu: (x) => activation.gelu(x),
  silu: activation.silu,
  softplus: (x) => activation.softplus(x),
};

/**
 * `scale x + bias`, in x's dtype: beside integers both numbers lose their fraction.
 *
 * @throws InvalidArgumentError for an unknown activation.
 */
export function scale(x: Tensor, ...rest: Trailing<number | Tensor, ScaleOptions>): Tensor {
  const o = splitOptions<ScaleOptions>("scale", rest, ["scale", "bias", "biasAfterScale", "act"]);
  const out = ops.scale(x, numberOf(o.scale ?? 1, "scale"), o.bias ?? 0, o.biasAfterScale ?? true);
  if (o.act === undefined || o.act === null) return out;
  const act = Object.hasOwn(acts, o.act) ? acts[o.act] : undefined;
  if (!act) {
    throw new InvalidArgumentError(`there is no activation ${JSON.stringify(o.act)} here.`, {
      op: "scale",
      hint: `one of ${Object.keys(acts).join(", ")}.`,
    });
  }
  return act(out);
}

/** Options of {@link increment}. */
export interface IncrementOptions {
  /** What is added, default 1; beside integers without its fraction. */
  readonly value?: number | undefined;
}

/**
 * Adds a number to a tensor of one element, in place; a leaf stays a leaf, as its gradient is the same before and after.
 *
 * @throws InvalidArgumentError for more than one element.
 */
export function increment(x: Tensor, ...rest: Trailing<number, IncrementOptions>): Tensor {
  const { value = 1 } = splitOptions<IncrementOptions>("increment", rest, ["value"]);
  if (x.size !== 1)
    throw new InvalidArgumentError(`needs a tensor of one element, got ${x.size}.`, { op: "increment", x: x.shape });
  const by = isInt(x.dtype) ? Math.trunc(value) : value;
  const change = (): Tensor => inplace(x, "increment", (former) => ops.add(former, by));
  if (x.stopGradient || !x.isLeaf) return change();
  withGrad(false, change);
  x.stopGradient = false;
  return x;
}

/** `x += y` in place. */
export const add_: typeof add = mutating("add_", add);
/** `x -= y` in place. */
export const subtract_: typeof subtract = mutating("subtract_", subtract);
/** `x *= y` in place. */
export const multiply_: typeof multiply = mutating("multiply_", multiply);
/** `x /= y` in place. */
export const divide_: typeof divide = mutating("divide_", divide);
/** {@link floorDivide} in place. */
export const floorDivide_: typeof floorDivide = mutating("floorDivide_", floorDivide);
/** {@link remainder} in place. */
export const remainder_: typeof remainder = mutating("remainder_", remainder);
/** {@link pow} in place. */
export const pow_: typeof pow = mutating("pow_", pow);
/** {@link hypot} in place. */
export const hypot_: typeof hypot = mutating("hypot_", hypot);
/** {@link copysign} in place. */
export const copysign_: typeof copysign = mutating("copysign_", copysign);
/** {@link ldexp} in place. */
export const ldexp_: typeof ldexp = mutating("ldexp_", ldexp);
/** {@link lerp} in place. */
export const lerp_: typeof lerp = mutating("lerp_", lerp);
/** {@link gcd} in place. */
export const gcd_: typeof gcd = mutating("gcd_", gcd);
/** {@link lcm} in place. */
export const lcm_: typeof lcm = mutating("lcm_", lcm);
/** {@link gammainc} in place. */
export const gammainc_: typeof gammainc = mutating("gammainc_", gammainc);
/** {@link gammaincc} in place. */
export const gammaincc_: typeof gammaincc = mutating("gammaincc_", gammaincc);
/** {@link clip} in place. */
export const clip_: typeof clip = mutating("clip_", clip);
/** {@link scale} in place. */
export const scale_: typeof scale = mutating("scale_", scale);

/** What Tensor has of these as methods; Paddle's second names are the same functions. */
export const mathMethods = {
  add,
  add_,
  addN,
  atan2,
  clamp: clip,
  clamp_: clip_,
  clip,
  clip_,
  copysign,
  copysign_,
  div: divide,
  div_: divide_,
  divide,
  divide_,
  floorDivide,
  floorDivide_,
  floorMod: remainder,
  floorMod_: remainder_,
  fmax,
  fmin,
  gammainc,
  gammainc_,
  gammaincc,
  gammaincc_,
  gcd,
  gcd_,
  heaviside,
  hypot,
  hypot_,
  increment,
  lcm,
  lcm_,
  ldexp,
  ldexp_,
  lerp,
  lerp_,
  logaddexp,
  maximum,
  minimum,
  mod: remainder,
  mod_: remainder_,
  mul: multiply,
  mul_: multiply_,
  multiply,
  multiply_,
  nextafter,
  pow,
  pow_,
  remainder,
  remainder_,
  scale,
  scale_,
  sub: subtract,
  sub_: subtract_,
  subtract,
  subtract_,
  trueDivide: divide,
};
