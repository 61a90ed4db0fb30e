// The gamma function's logarithm and its derivatives.

import type { Expr } from "./expr.js";
import {
  abs,
  add,
  both,
  choose,
  div,
  eq,
  floor,
  from,
  ge,
  gt,
  inDouble,
  le,
  like,
  lt,
  mul,
  neg,
  over,
  poly,
  sub,
} from "./math-base.js";
import { log } from "./math-log.js";
import { lgamma64 } from "./math-tables.js";
import { cosPi, sinPi } from "./math-trig.js";

/** Bernoulli numbers B2, B4, … B18. */
const bernoulli: readonly number[] = [
  1 / 6,
  -1 / 30,
  1 / 42,
  -1 / 30,
  5 / 66,
  -691 / 2730,
  7 / 6,
  -3617 / 510,
  43867 / 798,
];

/** Stirling's series from x = 8 on: B2k / (2k (2k - 1)), k = 1 … 8, in 1 / x^2 after a factor 1 / x. */
const stirling = bernoulli.slice(0, 8).map((b, i) => b / ((2 * i + 2) * (2 * i + 1)));

/** `ln |gamma(x)|`, inf at 0, -1, -2 …; relative error below 1e-13 away from its zeros (x > 0: at them too). Floats are computed in double. */
export const lgamma: (x: Expr) => Expr = inDouble((x) => {
  const negative = lt(x, 0);
  const positive = lgammaPositive(choose(negative, from(1, x), x));
  // gamma(x) gamma(1 - x) = pi / sin(pi x)
  const reflected = sub(log(over(Math.PI, abs(sinPi(x)))), positive);
  return choose(eq(x, -Infinity), Infinity, choose(negative, reflected, positive));
});

function lgammaPositive(x: Expr): Expr {
  const large = ge(x, 8);
  // Brings y = 2 + d into [1.5, 2.5) by gamma(y + 1) = y gamma(y); `factor` is what it costs.
  const [first, second] = [lt(x, 0.5), lt(x, 1.5)];
  let factor = choose(first, mul(x, add(x, 1)), choose(second, x, like(x, 1)));
  let y = x;
  for (let step = 0; step < 6; step++) {
    const down = gt(y, 2.5);
    y = choose(down, sub(y, 1), y);
    factor = choose(down, mul(factor, y), factor);
  }
  const d = choose(first, x, choose(second, sub(x, 1), sub(y, 2)));
  const logarithm = log(choose(large, x, factor));
  const near = add(mul(d, poly(d, lgamma64)), choose(second, neg(logarithm), logarithm));
  const r = over(1, x);
  const series = mul(r, poly(mul(r, r), stirling));
  const halfLog2Pi = 0.9189385332046728;
  const far = add(mul(sub(x, 0.5), sub(logarithm, 1)), add(series, halfLog2Pi - 0.5));
  return choose(large, far, near);
}

/** The asymptotic series of digamma: B2k / 2k, k = 1 … 8, in 1 / x^2 after a factor 1 / x^2. */
const digammaSeries = bernoulli.slice(0, 8).map((b, i) => b / (2 * i + 2));

/**
 * The derivative of lgamma; NaN at -1, -2 …, -inf at 0 and inf at -0. Absolute error below 1e-14 where it is below 1, else relative below
 * 1e-13. Floats are computed in double.
 */
export const digamma: (x: Expr) => Expr = inDouble((x) => {
  const reflect = le(x, 0);
  const positive = digammaPositive(choose(reflect, from(1, x), x));
  // digamma(1 - x) - digamma(x) = pi cot(pi x)
  const reflected = sub(positive, div(mul(cosPi(x), Math.PI), sinPi(x)));
  const pole = both(lt(x, 0), eq(floor(x), x));
  return choose(pole, Number.NaN, choose(reflect, reflected, positive));
});

function digammaPositive(x: Expr): Expr {
  // digamma(y) = digamma(y + 1) - 1 / y up to y >= 10; the sum of reciprocals as one fraction.
  let [y, num, den] = [x, like(x, 0), like(x, 1)];
  for (let step = 0; step < 10; step++) {
    const up = lt(y, 10);
    num = choose(up, add(mul(num, y), den), num);
    den = choose(up, mul(den, y), den);
    y = choose(up, add(y, 1), y);
  }
  const r = over(1, y);
  const r2 = mul(r, r);
  const series = add(mul(r, 0.5), mul(r2, poly(r2, digammaSeries)));
  return sub(sub(log(y), series), div(num, den));
}

/**
 * The n-th derivative of digamma for a constant n >= 1: `(-1)^(n+1) n! zeta(n + 1, x)`, the sum by Euler and Maclaurin.
 * Relative error below 1e-12; inf (or -inf) at 0 and below -5 NaN. Floats are computed in double. n = 0 is digamma itself.
 */
export function polygamma(x: Expr, n: number): Expr {
  if (n === 0) return digamma(x);
  let factorial = n % 2 === 1 ? 1 : -1;
  for (let k = 2; k <= n; k++) factorial *= k;
  return inDouble((v: Expr) => choose(lt(v, -5), Number.NaN, mul(hurwitz(n + 1, v), factorial)))(x);
}

/** `zeta(s, x) = sum of (x + k)^-s` for an integer s >= 2. */
function hurwitz(s: number, x: Expr): Expr {
  const terms = 14 + s;
  let sum = power(over(1, x), s);
  for (let k = 1; k < terms; k++) sum = add(sum, power(over(1, add(x, k)), s));
  const y = add(x, terms);
  const r = over(1, y);
  const yPower = power(r, s);
  // y^(1-s) / (s-1) + y^-s / 2 + the sum over j of B2j / (2j)! s (s+1) … (s+2j-2) y^(1-s-2j)
  const coefficients: number[] = [];
  let rising = s;
  let factorial = 2;
  bernoulli.forEach((b, i) => {
    coefficients.push((b * rising) / factorial);
    const j = 2 * i + 2;
    rising *= (s + j - 1) * (s + j);
    factorial *= (j + 1) * (j + 2);
  });
  const series = mul(mul(yPower, r), poly(mul(r, r), coefficients));
  return add(sum, add(add(mul(power(r, s - 1), 1 / (s - 1)), mul(yPower, 0.5)), series));
}

/** x^n for a constant n >= 1 by repeated squaring. */
function power(x: Expr, n: number): Expr {
  if (n === 1) return x;
  const half = power(mul(x, x), n >> 1);
  return n % 2 === 1 ? mul(half, x) : half;
}
