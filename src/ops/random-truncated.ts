// Normal numbers restricted to an interval: the distribution function at its ends, worked out in double on the host.

import { type DType, isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { Shape } from "../core/shape.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { truncatedGaussianRandomOp } from "./random.js";

type Fraction = readonly [numerator: readonly number[], denominator: readonly number[]];

// Coefficients of the error function from fdlibm's s_erf.c, Copyright (C) 1993 by Sun Microsystems, Inc. (freely granted, notice kept).
/** |x| < 0.84375, in x². */
const small: Fraction = [
  [0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -2.3763016656650163e-5],
  [1, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164, -3.960228278775368e-6],
];

/** |x| < 1.25, in |x| - 1. */
const middle: Fraction = [
  [
    -0.0023621185607526594, 0.41485611868374833, -0.3722078760357013, 0.31834661990116175, -0.11089469428239668,
    0.035478304325618236, -0.002166375594868791,
  ],
  [
    1, 0.10642088040084423, 0.540397917702171, 0.07182865441419627, 0.12617121980876164, 0.01363708391202905,
    0.011984499846799107,
  ],
];

/** |x| < 1/0.35, in 1/x². */
const large: Fraction = [
  [
    -0.009864944034847148, -0.6938585727071818, -10.558626225323291, -62.375332450326006, -162.39666946257347,
    -184.60509290671104, -81.2874355063066, -9.814329344169145,
  ],
  [
    1, 19.651271667439257, 137.65775414351904, 434.56587747522923, 645.3872717332679, 429.00814002756783,
    108.63500554177944, 6.570249770319282, -0.0604244152148581,
  ],
];

/** |x| < 6, in 1/x². */
const tail: Fraction = [
  [
    -0.0098649429247001, -0.799283237680523, -17.757954917754752, -160.63638485582192, -637.5664433683896,
    -1025.0951316110772, -483.5191916086514,
  ],
  [
    1, 30.33806074348246, 325.7925129965739, 1536.729586084437, 3199.8582195085955, 2553.0504064331644,
    474.52854120695537, -22.44095244658582,
  ],
];

const erx = 0.8450629115104675;

/** A polynomial summed as the C library does it: pairs of terms times even powers. */
function pairwise(c: readonly number[], s: number): number {
  let sum = 0;
  let power = 1;
  for (let i = 0; i < c.length; i += 2) {
    const pair = i + 1 < c.length ? c[i]! + c[i + 1]! * s : c[i]!;
    sum += power * pair;
    power *= s * s;
  }
  return sum;
}

const quotient = ([num, den]: Fraction, s: number): number => pairwise(num, s) / pairwise(den, s);

const high = new DataView(new ArrayBuffer(8));

/** A double without its low 32 bits. */
function highPart(x: number): number {
  high.setFloat64(0, x);
  high.setUint32(4, 0);
  return high.getFloat64(0);
}

/** The error function as the C library computes it; above 1.25 its exponential may differ in the last bit. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x) || a < 0.84375) return x + x * quotient(small, x * x);
  const sign = Math.sign(x);
  if (a < 1.25) return sign * (erx + quotient(middle, a - 1));
  if (a >= 6) return sign;
  const z = highPart(a);
  const fraction = quotient(a < 1 / 0.35 ? large : tail, 1 / (a * a));
  const rest = Math.exp(-z * z - 0.5625) * Math.exp((z - a) * (z + a) + fraction);
  return sign * (1 - rest / a);
}

/**
 * Normal numbers in [a, b]: those bounds are values, not numbers of deviations. Mean, deviation and bounds are rounded to float32 first.
 *
 * @throws InvalidArgumentError unless the dtype is float32, float64 or bfloat16, as in Paddle.
 */
export function truncatedGaussian(
  shape: Shape,
  mean: number,
  std: number,
  a: number,
  b: number,
  dtype: DType,
  state: Value,
): Value {
  if (!isFloat(dtype) || dtype === "float16") {
    throw new InvalidArgumentError(`there are no truncated normal numbers of ${dtype}.`, {
      op: "truncated_gaussian_random",
      hint: "draw float32 and cast.",
    });
  }
  const T = dtype === "float64" ? Number : Math.fround;
  const [m, s, from, to] = [mean, std, a, b].map(Math.fround) as [number, number, number, number];
  const phi = (x: number): number => T((1 + erf(T((T(x) - m) / s) / Math.SQRT2)) / 2);
  const low = phi(from);
  const span = T(phi(to) - low);
  return bind1(truncatedGaussianRandomOp, [state, undefined], {
    shape,
    mean: m,
    std: s,
    a: from,
    b: to,
    low,
    span,
    dtype,
  });
}
