// Functions of complex numbers as expressions of their two parts, for the `complex` bodies of ops.

import type { ComplexExpr } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";

/** A complex number in its parts. */
export type Z = ComplexExpr;

const of = (re: Expr, im: Expr): Z => ({ re, im });

/** A real number as a complex one of z's type. */
export const realZ = (z: Z, v: number): Z => of(k.const(z.re.type, v), k.const(z.re.type, 0));

export const addZ = (x: Z, y: Z): Z => of(k.add(x.re, y.re), k.add(x.im, y.im));
export const subZ = (x: Z, y: Z): Z => of(k.sub(x.re, y.re), k.sub(x.im, y.im));
export const negZ = (x: Z): Z => of(k.neg(x.re), k.neg(x.im));
/** `s z` for a real s. */
export const scaleZ = (z: Z, s: Expr | number): Z => of(k.mul(z.re, s), k.mul(z.im, s));

export const mulZ = (x: Z, y: Z): Z =>
  of(k.sub(k.mul(x.re, y.re), k.mul(x.im, y.im)), k.add(k.mul(x.re, y.im), k.mul(x.im, y.re)));

/** `x / y`, both divided by y's larger part first (Smith), so that squares neither overflow nor vanish. */
export function divZ(x: Z, y: Z): Z {
  const wide = k.ge(k.abs(y.re), k.abs(y.im));
  const [big, small] = [k.select(wide, y.re, y.im), k.select(wide, y.im, y.re)];
  const r = k.div(small, big);
  const n = k.add(big, k.mul(small, r));
  const [a, b] = [k.select(wide, x.re, x.im), k.select(wide, x.im, x.re)];
  const im = k.sub(b, k.mul(a, r));
  return of(k.div(k.add(a, k.mul(b, r)), n), k.div(k.select(wide, im, k.neg(im)), n));
}

/** `i z`. */
export const timesI = (z: Z): Z => of(k.neg(z.im), z.re);
/** `-i z`. */
export const overI = (z: Z): Z => of(z.im, k.neg(z.re));

/** `sqrt(x^2 + y^2)` without overflow of the squares. */
export function hypot(x: Expr, y: Expr): Expr {
  const [a, b] = [k.abs(x), k.abs(y)];
  const [big, small] = [k.maxNan(a, b), k.min(a, b)];
  const r = k.div(small, big);
  const plain = k.or(k.eq(big, 0), k.eq(big, Infinity));
  return k.select(plain, big, k.mul(big, k.sqrt(k.add(k.mul(r, r), 1))));
}

/** `|z|`. */
export const absZ = (z: Z): Expr => hypot(z.re, z.im);
/** The angle of z in radians, in [-pi, pi]. */
export const argZ = (z: Z): Expr => k.atan2(z.im, z.re);

export const expZ = (z: Z): Z => of(k.mul(k.exp(z.re), k.cos(z.im)), k.mul(k.exp(z.re), k.sin(z.im)));
export const logZ = (z: Z): Z => of(k.log(absZ(z)), argZ(z));

/** The principal square root, from `sqrt((|z| + |re|) / 2)`. */
export function sqrtZ(z: Z): Z {
  const t = k.sqrt(k.mul(k.add(absZ(z), k.abs(z.re)), 0.5));
  const other = k.select(k.eq(t, 0), 0, k.div(k.abs(z.im), k.mul(t, 2)));
  const right = k.ge(z.re, 0);
  return of(k.select(right, t, other), k.copySign(k.select(right, other, t), z.im));
}

export const sinhZ = (z: Z): Z => of(k.mul(k.sinh(z.re), k.cos(z.im)), k.mul(k.cosh(z.re), k.sin(z.im)));
export const coshZ = (z: Z): Z => of(k.mul(k.cosh(z.re), k.cos(z.im)), k.mul(k.sinh(z.re), k.sin(z.im)));

/** `tanh z`, from `tanh(re)` and `tan(im)`-free sums: `(sinh 2a + i sin 2b) / (cosh 2a + cos 2b)`; +-1 for large a. */
export function tanhZ(z: Z): Z {
  const [a, b] = [k.mul(z.re, 2), k.mul(z.im, 2)];
  const far = k.gt(k.abs(z.re), 20);
  const n = k.add(k.cosh(k.select(far, 0, a)), k.cos(b));
  const re = k.select(far, k.copySign(k.const(z.re.type, 1), z.re), k.div(k.sinh(k.select(far, 0, a)), n));
  return of(re, k.select(far, 0, k.div(k.sin(b), n)));
}

export const sinZ = (z: Z): Z => overI(sinhZ(timesI(z)));
export const cosZ = (z: Z): Z => coshZ(timesI(z));
export const tanZ = (z: Z): Z => overI(tanhZ(timesI(z)));

/** `arsinh z = log(z + sqrt(z^2 + 1))`, mirrored to the right half-plane where no digits cancel. */
export function asinhZ(z: Z): Z {
  const left = k.lt(z.re, 0);
  const w = of(k.abs(z.re), k.select(left, k.neg(z.im), z.im));
  const y = logZ(
    addZ(w, sqrtZ(of(k.add(k.mul(k.sub(w.re, w.im), k.add(w.re, w.im)), 1), k.mul(k.mul(w.re, w.im), 2)))),
  );
  return of(k.copySign(y.re, z.re), k.select(left, k.neg(y.im), y.im));
}

/** `artanh z`: re from the ratio of distances to -1 and 1, im from their angles. */
export function atanhZ(z: Z): Z {
  const [p, m] = [k.add(z.re, 1), k.sub(k.const(z.re.type, 1), z.re)];
  const y2 = k.mul(z.im, z.im);
  const re = k.mul(k.log1p(k.div(k.mul(z.re, 4), k.add(k.mul(m, m), y2))), 0.25);
  return of(re, k.mul(k.sub(k.atan2(z.im, p), k.atan2(k.neg(z.im), m)), 0.5));
}

export const asinZ = (z: Z): Z => overI(asinhZ(timesI(z)));
export const atanZ = (z: Z): Z => overI(atanhZ(timesI(z)));
/** `arccos z = pi/2 - arcsin z`. */
export function acosZ(z: Z): Z {
  const s = asinZ(z);
  return of(k.sub(k.const(z.re.type, Math.PI / 2), s.re), k.neg(s.im));
}

/** `arcosh z`: i or -i times arccos z, whichever has the real part not negative. */
export function acoshZ(z: Z): Z {
  const c = acosZ(z);
  const flip = k.gt(c.im, 0);
  return of(k.abs(c.im), k.select(flip, k.neg(c.re), c.re));
}

/** `x^y = e^(y log x)`; 0^y is 0, and anything^0 is 1. */
export function powZ(x: Z, y: Z): Z {
  const e = expZ(mulZ(y, logZ(x)));
  const zero = k.and(k.eq(x.re, 0), k.eq(x.im, 0));
  const one = k.and(k.eq(y.re, 0), k.eq(y.im, 0));
  const pick = (v: Expr, at1: number): Expr => k.select(one, at1, k.select(zero, 0, v));
  return of(pick(e.re, 1), pick(e.im, 0));
}
