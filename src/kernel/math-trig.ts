// Trigonometric functions and their inverses.

import { type Expr, binary, cast } from "./expr.js";
import {
  abs,
  add,
  atLeast,
  atMost,
  bitsOf,
  choose,
  div,
  either,
  eq,
  flipIfBit1,
  formatOf,
  from,
  gt,
  inDouble,
  isF32,
  like,
  lt,
  mul,
  ne,
  neg,
  poly,
  sqrt,
  sub,
  withSign,
} from "./math-base.js";
import { asin64, atan64, cos32, cos64, halfPi, halfPiParts, sin32, sin64 } from "./math-tables.js";

/** Sine and cosine of x less the nearest multiple of pi / 2, whose number stands in the low bits of `k`. */
interface Quadrant {
  readonly k: Expr;
  readonly sin: Expr;
  readonly cos: Expr;
}

/** For arguments that came from floats: one part of pi / 2 and short polynomials. */
function quadrantShort(x: Expr): Quadrant {
  const { k, n } = nearest(mul(x, 2 / Math.PI));
  const [p1, p2, p3] = halfPiParts;
  const r = inside(sub(sub(x, mul(n, p1)), mul(n, p2 + p3)));
  const z = mul(r, r);
  const sin = mul(r, add(mul(z, poly(z, sin32)), 1));
  const cos = add(mul(z, add(mul(z, poly(z, cos32)), -0.5)), 1);
  return { k, sin, cos };
}

/** The remainder in two doubles (three parts of pi / 2, as products with k below 2^20 are exact), and full polynomials. */
function quadrantFull(x: Expr): Quadrant {
  const { k, n } = nearest(mul(x, 2 / Math.PI));
  const [p1, p2, p3] = halfPiParts;
  const first = sub(x, mul(n, p1));
  const product = mul(n, p2);
  const second = sub(first, product);
  const rest = sub(mul(n, p3), sub(sub(first, second), product));
  const exact = sub(second, rest);
  return { k, ...sinCos(inside(exact), sub(sub(second, exact), rest)) };
}

/** Sine and cosine of r + lo for |r| <= pi / 4. */
function sinCos(r: Expr, lo: Expr): { readonly sin: Expr; readonly cos: Expr } {
  const z = mul(r, r);
  const half = mul(z, 0.5);
  const sin = sub(r, sub(sub(mul(lo, half), lo), mul(mul(z, r), poly(z, sin64))));
  const head = from(1, half);
  const tail = sub(mul(mul(z, z), poly(z, cos64)), mul(r, lo));
  return { sin, cos: add(head, add(sub(from(1, head), half), tail)) };
}

function nearest(t: Expr): { readonly k: Expr; readonly n: Expr } {
  const { magic } = formatOf(t);
  const sum = add(t, magic);
  return { k: bitsOf(sum), n: sub(sum, magic) };
}

/** Keeps what is left of a huge argument where the polynomials give values between -1 and 1. */
const inside = (r: Expr): Expr => atLeast(atMost(r, 0.79), -0.79);

const isOdd = (k: Expr): Expr => ne(binary("and", k, like(k, 1)), 0);

const sine = ({ k, sin, cos }: Quadrant): Expr => flipIfBit1(choose(isOdd(k), cos, sin), k);
const cosine = ({ k, sin, cos }: Quadrant): Expr => flipIfBit1(choose(isOdd(k), sin, cos), add(k, 1));
const tangent = ({ k, sin, cos }: Quadrant): Expr => {
  const odd = isOdd(k);
  return div(choose(odd, cos, sin), choose(odd, neg(sin), cos));
};

/** Floats by the short form in double, doubles by the full form. */
const circular =
  (value: (q: Quadrant) => Expr) =>
  (x: Expr): Expr =>
    isF32(x) ? cast(value(quadrantShort(cast(x, "f64"))), "f32") : value(quadrantFull(x));

/** `sin x`; within 1 ulp for |x| < 1.6e6, beyond that still between -1 and 1. */
export const sin = circular(sine);

/** `cos x`; within 1 ulp for |x| < 1.6e6, beyond that still between -1 and 1. */
export const cos = circular(cosine);

/** `tan x`; within 1 ulp (f32), 3 ulp (f64) for |x| < 1.6e6. */
export const tan = circular(tangent);

/** `sin(pi x)` for doubles; the reduction is exact. */
export function sinPi(x: Expr): Expr {
  const { k, n } = nearest(add(x, x));
  const r = sub(x, mul(n, 0.5));
  return sine({ k, ...sinCos(mul(r, Math.PI), mul(r, 2 * halfPi[1])) });
}

/** `cos(pi x)` for doubles. */
export function cosPi(x: Expr): Expr {
  const { k, n } = nearest(add(x, x));
  const r = sub(x, mul(n, 0.5));
  return cosine({ k, ...sinCos(mul(r, Math.PI), mul(r, 2 * halfPi[1])) });
}

/** `sin(pi x) / (pi x)`, 1 at 0; within 1 ulp (f32), 3 ulp (f64). Floats are computed in double. */
export const sinc: (x: Expr) => Expr = inDouble((x) => choose(eq(x, 0), 1, div(sinPi(x), mul(x, Math.PI))));

/** `artan a` for a >= 0 as `base + value`, where `base` is 0, pi / 4 or pi / 2. */
function atanParts(a: Expr): { readonly base: Expr; readonly value: Expr } {
  const [large, middle] = [gt(a, Math.SQRT2 + 1), gt(a, Math.SQRT2 - 1)];
  const t = div(
    choose(large, -1, choose(middle, sub(a, 1), a)),
    choose(large, a, choose(middle, add(a, 1), like(a, 1))),
  );
  const z = mul(t, t);
  const multiple = (v: number): Expr => choose(large, v, choose(middle, like(a, v / 2), 0));
  const value = add(t, mul(mul(z, t), poly(z, atan64)));
  return { base: multiple(halfPi[0]), value: add(value, multiple(halfPi[1])) };
}

/** `artan x`; within 1 ulp (f32), 2 ulp (f64). Floats are computed in double. */
export const atan: (x: Expr) => Expr = inDouble((x) => {
  const { base, value } = atanParts(abs(x));
  return withSign(add(base, value), x);
});

/** The angle of the point (x, y), from -pi to pi, with C's rules for zeros and infinities; within 1 ulp (f32), 3 ulp (f64). */
export const atan2: (y: Expr, x: Expr) => Expr = inDouble((y, x) => {
  const [ay, ax] = [abs(y), abs(x)];
  const steep = gt(ay, ax);
  const [small, large] = [choose(steep, ax, ay), choose(steep, ay, ax)];
  const q = choose(eq(large, 0), 0, choose(eq(small, large), 1, div(small, large)));
  // The angle in the first octant as base + value, mirrored at the diagonal and at the vertical axis.
  let { base, value } = atanParts(q);
  base = choose(steep, from(halfPi[0], base), base);
  value = choose(steep, from(halfPi[1], value), value);
  const left = lt(withSign(like(x, 1), x), 0);
  base = choose(left, from(2 * halfPi[0], base), base);
  value = choose(left, from(2 * halfPi[1], value), value);
  return choose(either(ne(x, x), ne(y, y)), Number.NaN, withSign(add(base, value), y));
});

/** `arsin t` for doubles |t| <= 1/2. */
const asinSmall = (t: Expr): Expr => {
  const z = mul(t, t);
  return add(t, mul(mul(t, z), poly(z, asin64)));
};

/** `arsin x`, NaN outside [-1, 1]; within 1 ulp (f32), 3 ulp (f64). Floats are computed in double. */
export const asin: (x: Expr) => Expr = inDouble((x) => {
  const a = abs(x);
  const near = lt(a, 0.5);
  const r = asinSmall(choose(near, a, sqrt(mul(from(1, a), 0.5))));
  return withSign(choose(near, r, from(halfPi[0], sub(add(r, r), halfPi[1]))), x);
});

/** `arcos x`, NaN outside [-1, 1]; within 1 ulp (f32), 3 ulp (f64). Floats are computed in double. */
export const acos: (x: Expr) => Expr = inDouble((x) => {
  const a = abs(x);
  const near = lt(a, 0.5);
  const r = asinSmall(choose(near, x, sqrt(mul(from(1, a), 0.5))));
  const twice = add(r, r);
  const far = choose(lt(x, 0), from(2 * halfPi[0], sub(twice, 2 * halfPi[1])), twice);
  return choose(near, from(halfPi[0], sub(r, halfPi[1])), far);
});
