// Correctly rounded arithmetic that JavaScript lacks: fused multiply-add, and 64-bit integers to floats with one rounding.

const f64 = new Float64Array(1);
const bits = new BigInt64Array(f64.buffer);

/** The double next to `x` away from zero (`away`) or towards it; `x` finite and not 0. */
function neighbour(x: number, away: boolean): number {
  f64[0] = x;
  bits[0]! += away ? 1n : -1n;
  return f64[0]!;
}

/** `a + b` rounded to odd: an inexact sum ends in a 1 bit, so that a later rounding to fewer bits is right (Boldo, Melquiond 2008). */
function addToOdd(a: number, b: number): number {
  const s = a + b;
  const t = s - a;
  const error = a - (s - t) + (b - t);
  if (error === 0 || !Number.isFinite(s)) return s;
  f64[0] = s;
  return (bits[0]! & 1n) === 1n ? s : neighbour(s, error > 0 === s > 0);
}

/** `x * y + z` of three floats with one rounding. The product of two floats is exact in a double. */
export const fmaF32 = (x: number, y: number, z: number): number => Math.fround(addToOdd(x * y, z));

/** Whether products and sums of such values neither overflow nor lose low bits to underflow. */
const moderate = (x: number): boolean => x === 0 || (Math.abs(x) > 2 ** -400 && Math.abs(x) < 2 ** 400);

/** `x * y + z` of three doubles with one rounding: error-free products and sums where exponents are moderate, else exact integers. */
export function fmaF64(x: number, y: number, z: number): number {
  const p = x * y;
  if (!Number.isFinite(x) || !Number.isFinite(y) || x === 0 || y === 0) return p + z;
  if (!Number.isFinite(z)) return z;
  if (!moderate(x) || !moderate(y) || !moderate(z)) return fmaExact(x, y, z);
  const low = productError(x, y, p);
  const th = z + low;
  const tl = sumError(z, low, th);
  const vh = p + th;
  return vh + addToOdd(tl, sumError(p, th, vh));
}

/** What `p = x * y` lost to rounding (Dekker). */
function productError(x: number, y: number, p: number): number {
  const [xh, yh] = [highHalf(x), highHalf(y)];
  const [xl, yl] = [x - xh, y - yh];
  return xh * yh - p + xh * yl + xl * yh + xl * yl;
}

function highHalf(x: number): number {
  const c = 134217729 * x;
  return c - (c - x);
}

/** What `s = a + b` lost to rounding (Knuth). */
function sumError(a: number, b: number, s: number): number {
  const t = s - a;
  return a - (s - t) + (b - t);
}

/** A finite double as integer times a power of two. */
function exactParts(x: number): [bigint, number] {
  f64[0] = x;
  const exponent = Number((bits[0]! >> 52n) & 0x7ffn);
  const fraction = bits[0]! & 0xfffffffffffffn;
  const whole = exponent === 0 ? fraction : fraction | 0x10000000000000n;
  return [x < 0 ? -whole : whole, Math.max(exponent, 1) - 1075];
}

function fmaExact(x: number, y: number, z: number): number {
  const [mx, ex] = exactParts(x);
  const [my, ey] = exactParts(y);
  const [mz, ez] = exactParts(z);
  if (mz === 0n) return roundScaled(mx * my, ex + ey, 53, -1074);
  const e = Math.min(ex + ey, ez);
  const sum = ((mx * my) << BigInt(ex + ey - e)) + (mz << BigInt(ez - e));
  return sum === 0n ? x * y + z : roundScaled(sum, e, 53, -1074);
}

/** `m * 2^e` rounded to nearest even at `precision` bits, with no bit below 2^`lowest`. */
function roundScaled(m: bigint, e: number, precision: number, lowest: number): number {
  const magnitude = m < 0n ? -m : m;
  const length = magnitude.toString(2).length;
  const drop = Math.max(length - precision, lowest - e, 0);
  const half = drop === 0 ? 0n : 1n << BigInt(drop - 1);
  let kept = magnitude >> BigInt(drop);
  const rest = magnitude - (kept << BigInt(drop));
  if (drop > 0 && (rest > half || (rest === half && (kept & 1n) === 1n))) kept += 1n;
  const value = scale(Number(kept), e + drop);
  return m < 0n ? -value : value;
}

/** `x * 2^e` for results that need no rounding, in steps that never leave the exponent range early. */
function scale(x: number, e: number): number {
  let [value, rest] = [x, e];
  for (; rest > 1000; rest -= 1000) value *= 2 ** 1000;
  for (; rest < -1000; rest += 1000) value *= 2 ** -1000;
  return value * 2 ** rest;
}

/** An integer as a float, rounded once. */
export const bigToF32 = (x: bigint): number => roundScaled(x, 0, 24, -149);

/** The nearest integer, ties to even; keeps the sign of zero. */
export function nearestEven(x: number): number {
  if (!(Math.abs(x) < 4503599627370496)) return x;
  return x < 0 || Object.is(x, -0)
    ? -(4503599627370496 - x - 4503599627370496)
    : x + 4503599627370496 - 4503599627370496;
}
