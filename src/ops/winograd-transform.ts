// The transforms of Winograd's convolution F(4 × 4, 3 × 3): between tiles of a plane and their values at six points an axis.

import type { KernelContext } from "../fuse/body.js";
import { type Expr, constant, splat } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";

/** Elements of the result that a tile makes along an axis, taps of the kernel, and points: a tile reads as many elements as it has points. */
export const TILE = 4;
export const TAPS = 3;
export const POINTS = TILE + TAPS - 1;
/** Points of a tile over both axes. */
export const ALL_POINTS = POINTS * POINTS;

// The polynomials are evaluated at 0, ±A, ±B and infinity. All of A², B² and their products are exact in f32, and with these points the
// result's error is twice that of a plain sum; with the usual 0, ±1, ±2, infinity it is four times (measured, 64 and 256 channels).
const A = 5 / 8;
const B = 3 / 2;
const [A2, B2] = [A * A, B * B];
/** Factors of Lagrange's interpolation at 0, ±A and ±B: 1 over the product of the distances to the other points. */
const [AT_0, AT_A, AT_B] = [1 / (A2 * B2), 1 / (2 * A2 * (A2 - B2)), 1 / (2 * B2 * (B2 - A2))];

/** A transform of the vectors along one axis. */
export type LineTransform = (line: readonly Expr[]) => Expr[];

/** `x + c · y`, rounded once where the target can. */
const plus = (x: Expr, c: number, y: Expr): Expr => k.fma(splat(constant(x.type, c), x.lanes), y, x);
const times = (c: number, x: Expr): Expr => k.mul(splat(constant(x.type, c), x.lanes), x);
/** The sum and the difference: values at a point and at its opposite from their even and odd parts, and back. */
const pair = (even: Expr, odd: Expr): [Expr, Expr] => [k.add(even, odd), k.sub(even, odd)];

/** Six elements of the source to six points (Bᵀ). */
export const sourceLine: LineTransform = ([d0, d1, d2, d3, d4, d5]) => {
  const near = pair2(plus(d4!, -B2, d2!), A, plus(d3!, -B2, d1!));
  const far = pair2(plus(d4!, -A2, d2!), B, plus(d3!, -A2, d1!));
  return [
    plus(plus(d4!, -(A2 + B2), d2!), A2 * B2, d0!),
    ...near,
    ...far,
    plus(plus(d5!, -(A2 + B2), d3!), A2 * B2, d1!),
  ];
};

/** `even ± c · odd`. */
const pair2 = (even: Expr, c: number, odd: Expr): [Expr, Expr] => [plus(even, c, odd), plus(even, -c, odd)];

/** Six points to four elements of the result (Aᵀ). */
export const resultLine: LineTransform = ([m0, m1, m2, m3, m4, m5]) => {
  const [s1, t1] = pair(m1!, m2!);
  const [s2, t2] = pair(m3!, m4!);
  return [
    k.add(k.add(m0!, s1), s2),
    plus(times(A, t1), B, t2),
    plus(times(A2, s1), B2, s2),
    plus(plus(m5!, A * A2, t1), B * B2, t2),
  ];
};

/** Three taps to six points (G). */
export const tapsLine: LineTransform = ([g0, g1, g2]) => [
  times(AT_0, g0!),
  ...pair(times(AT_A, plus(g0!, A2, g2!)), times(A * AT_A, g1!)),
  ...pair(times(AT_B, plus(g0!, B2, g2!)), times(B * AT_B, g1!)),
  g2!,
];

/** Four elements of the result's gradient to six points (A, the transpose of {@link resultLine}). */
export const gradientLine: LineTransform = ([y0, y1, y2, y3]) => [
  y0!,
  ...pair2(plus(y0!, A2, y2!), A, plus(y1!, A2, y3!)),
  ...pair2(plus(y0!, B2, y2!), B, plus(y1!, B2, y3!)),
  y3!,
];

/** Six points to three taps' gradients (Gᵀ, the transpose of {@link tapsLine}). */
export const tapsGradientLine: LineTransform = ([u0, u1, u2, u3, u4, u5]) => {
  const [s1, t1] = pair(u1!, u2!);
  const [s2, t2] = pair(u3!, u4!);
  return [
    plus(plus(times(AT_0, u0!), AT_A, s1), AT_B, s2),
    plus(times(A * AT_A, t1), B * AT_B, t2),
    plus(plus(u5!, A2 * AT_A, s1), B2 * AT_B, s2),
  ];
};

/** Applies a transform to the columns of a square of vectors, row by row in `square`, then to the rows of what comes of it. */
export function transformSquare(b: KernelContext, square: readonly Expr[], line: LineTransform): Expr[] {
  const size = Math.sqrt(square.length);
  const columns = Array.from({ length: size }, (_, j) =>
    line(Array.from({ length: size }, (_, i) => square[i * size + j]!)).map((x) => b.let(x, "x")),
  );
  return columns[0]!.flatMap((_, i) => line(columns.map((column) => column[i]!)));
}
