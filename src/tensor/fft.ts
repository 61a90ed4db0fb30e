// Paddle's `fft`: discrete Fourier transforms of one or more axes, sample frequencies, shifts.

import { type DType, isComplex, isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { getDefaultDtype } from "../core/promotion.js";
import { formatShape } from "../core/shape.js";
import { scale as scaled } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { pad, slice } from "../ops/concat.js";
import { arange } from "../ops/creation.js";
import * as ops from "../ops/fft.js";
import { roll } from "../ops/movement.js";
import type { Tensor } from "./tensor.js";

/**
 * Where the factor stands: `"backward"` 1/n on the inverse transform, `"forward"` 1/n on the other, `"ortho"` 1/√n on both.
 */
export type FftNorm = "backward" | "forward" | "ortho";

/** Options of transforms of one axis. */
export interface FftOptions {
  /** Length of the transform: the axis is cut, or filled with zeros. */
  readonly n?: number | null | undefined;
  /** Default the last. */
  readonly axis?: number | undefined;
  readonly norm?: FftNorm | undefined;
  readonly name?: string | null | undefined;
}

/** Options of transforms of several axes. */
export interface FftnOptions {
  /** Lengths of the transform along `axes`. */
  readonly s?: readonly number[] | null | undefined;
  /** By default all, or as many of the last as there are lengths (for the forms with 2: the last two). */
  readonly axes?: readonly number[] | null | undefined;
  readonly norm?: FftNorm | undefined;
  readonly name?: string | null | undefined;
}

/** What is transformed into what: complex to complex, real to half a spectrum, half a spectrum to real. */
type Kind = "complex" | "toHalf" | "fromHalf";

interface Plan {
  readonly op: string;
  readonly kind: Kind;
  readonly forward: boolean;
}

function checkedNorm(norm: FftNorm | undefined, op: string): FftNorm {
  if (norm === undefined || ["backward", "forward", "ortho"].includes(norm)) return norm ?? "backward";
  throw new InvalidArgumentError(`norm must be "backward", "forward" or "ortho", got ${JSON.stringify(norm)}.`, { op });
}

/** The factor of a transform of `count` numbers. */
function factor(count: number, norm: FftNorm, forward: boolean): number {
  if (norm === "ortho") return 1 / Math.sqrt(count);
  return (norm === "forward") === forward ? 1 / count : 1;
}

function checkedAxis(x: Tensor, axis: number, op: string): number {
  const rank = x.shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new InvalidArgumentError(`axis ${axis} is outside of ${formatShape(x.shape)}.`, { op, axis });
  return axis < 0 ? axis + rank : axis;
}

function checkedLength(n: number, op: string): number {
  if (Number.isInteger(n) && n > 0) return n;
  throw new InvalidArgumentError(`lengths must be positive integers, got ${n}.`, { op, n });
}

/** An axis cut or filled with zeros. */
function resized(x: Tensor, axis: number, n: number): Tensor {
  const own = x.shape[axis]!;
  if (own === n) return x;
  if (own > n) return slice(x, [axis], [0], [n]);
  const after = x.shape.map((_, i) => (i === axis ? n - own : 0));
  return pad(
    x,
    x.shape.map(() => 0),
    after,
  );
}

/** A tensor in a dtype that transforms take. Throws InvalidArgument for complex numbers where real ones are asked for. */
function asInput(x: Tensor, plan: Plan): Tensor {
  if (isComplex(x.dtype)) {
    if (plan.kind !== "toHalf") return x;
    throw new InvalidArgumentError(`takes real tensors, got ${x.dtype}.`, {
      op: plan.op,
      hint: "use the complex form.",
    });
  }
  if (x.dtype === "float16" || x.dtype === "bfloat16")
    throw new InvalidArgumentError(`takes float32 and float64, got ${x.dtype}.`, { op: plan.op });
  const numbers = isFloat(x.dtype) ? x : cast(x, getDefaultDtype());
  return plan.kind === "fromHalf" ? ops.asComplexValue(numbers) : numbers;
}

/** Transforms along axes; the last of the list is the one of which half is kept. */
function transform(x: Tensor, plan: Plan, axes: readonly number[], s: readonly number[] | undefined, norm: FftNorm) {
  const { kind, forward } = plan;
  let out = asInput(x, plan);
  const last = axes[axes.length - 1];
  if (last === undefined) return ops.asComplexValue(out);
  const lengths = axes.map((axis, i) => {
    const own = out.shape[axis]!;
    return s?.[i] ?? (kind === "fromHalf" && axis === last ? 2 * (own - 1) : own);
  });
  lengths.forEach((n) => {
    if (n < 1) throw new InvalidArgumentError(`nothing to transform in ${formatShape(x.shape)}.`, { op: plan.op });
  });
  axes.forEach((axis, i) => {
    const n = lengths[i]!;
    out = resized(out, axis, kind === "fromHalf" && axis === last ? Math.floor(n / 2) + 1 : n);
  });
  const scales = lengths.map((n) => factor(n, norm, forward));
  const others = axes.slice(0, -1);
  const n = lengths[lengths.length - 1]!;
  const own = scales[scales.length - 1]!;
  const all = (from: Tensor): Tensor =>
    others.reduce((value, axis, i) => ops.fft(value, axis, forward, scales[i]!), from);
  if (kind === "fromHalf") return ops.toReal(all(out), last, n, forward, own);
  if (kind === "toHalf") return all(ops.realFft(out, last, forward, own));
  return all(ops.fft(ops.asComplexValue(out), last, forward, own));
}

/** A transform of one axis. */
function one(plan: Plan) {
  return (x: Tensor, ...rest: Trailing<number | null, FftOptions>): Tensor => {
    const o = splitOptions<FftOptions>(plan.op, rest, ["n", "axis", "norm", "name"]);
    const axis = checkedAxis(x, o.axis ?? -1, plan.op);
    const n = o.n === undefined || o.n === null ? undefined : [checkedLength(o.n, plan.op)];
    return transform(x, plan, [axis], n, checkedNorm(o.norm, plan.op));
  };
}

/** A transform of several axes; `fallback` gives them where they are not given. */
function several(plan: Plan, fallback: readonly number[] | null) {
  return (x: Tensor, ...rest: Trailing<readonly number[] | null, FftnOptions>): Tensor => {
    const { op } = plan;
    const o = splitOptions<FftnOptions>(op, rest, ["s", "axes", "norm", "name"]);
    const rank = x.shape.length;
    const s = o.s?.map((n) => checkedLength(n, op));
    if (s && s.length > rank)
      throw new InvalidArgumentError(`there are ${s.length} lengths for ${formatShape(x.shape)}.`, { op });
    const given = o.axes ?? fallback ?? Array.from({ length: s?.length ?? rank }, (_, i) => i - (s?.length ?? rank));
    const axes = given.map((axis) => checkedAxis(x, axis, op));
    if (s && s.length !== axes.length)
      throw new InvalidArgumentError(`there are ${s.length} lengths for ${axes.length} axes.`, { op });
    if (new Set(axes).size !== axes.length)
      throw new InvalidArgumentError(`axes ${given.join(", ")} name one twice.`, { op });
    return transform(x, plan, axes, s, checkedNorm(o.norm, op));
  };
}

/**
 * The discrete Fourier transform of an axis: `X[k] = Σ x[j] e^(-2πi jk / n)`; complex, of any length.
 *
 * @param x real or complex; integers are taken as the default float type
 * @throws InvalidArgumentError for an axis outside the rank, a length below 1, an unknown norm.
 * @example
 * ```ts
 * import { fft, toTensor } from "oarjs";
 * const spectrum = fft.fft(toTensor([1, 0, 0, 0]));
 * console.log(spectrum.shape, spectrum.dtype); // [4] complex64
 * ```
 */
export const fft = one({ op: "fft", kind: "complex", forward: true });
/** The inverse of {@link fft}. */
export const ifft = one({ op: "ifft", kind: "complex", forward: false });
/** {@link fft} of a real tensor: the first n / 2 + 1 numbers, of which the others are the mirror image. */
export const rfft = one({ op: "rfft", kind: "toHalf", forward: true });
/** The inverse of {@link rfft}: real, of length n (default twice the axis less 2). */
export const irfft = one({ op: "irfft", kind: "fromHalf", forward: false });
/** {@link fft} of a signal that is its own mirror image, given by its first half: real, of length n. */
export const hfft = one({ op: "hfft", kind: "fromHalf", forward: true });
/** The inverse of {@link hfft}. */
export const ihfft = one({ op: "ihfft", kind: "toHalf", forward: false });

const pair = [-2, -1] as const;

/** {@link fft} of several axes. */
export const fftn = several({ op: "fftn", kind: "complex", forward: true }, null);
/** The inverse of {@link fftn}. */
export const ifftn = several({ op: "ifftn", kind: "complex", forward: false }, null);
/** {@link rfft} of the last of several axes, then {@link fft} of the others. */
export const rfftn = several({ op: "rfftn", kind: "toHalf", forward: true }, null);
/** The inverse of {@link rfftn}. */
export const irfftn = several({ op: "irfftn", kind: "fromHalf", forward: false }, null);
/** {@link fft} of several axes but the last, then {@link hfft} of it. */
export const hfftn = several({ op: "hfftn", kind: "fromHalf", forward: true }, null);
/** The inverse of {@link hfftn}. */
export const ihfftn = several({ op: "ihfftn", kind: "toHalf", forward: false }, null);
/** {@link fftn} of the last two axes. */
export const fft2 = several({ op: "fft2", kind: "complex", forward: true }, pair);
/** {@link ifftn} of the last two axes. */
export const ifft2 = several({ op: "ifft2", kind: "complex", forward: false }, pair);
/** {@link rfftn} of the last two axes. */
export const rfft2 = several({ op: "rfft2", kind: "toHalf", forward: true }, pair);
/** {@link irfftn} of the last two axes. */
export const irfft2 = several({ op: "irfft2", kind: "fromHalf", forward: false }, pair);
/** {@link hfftn} of the last two axes. */
export const hfft2 = several({ op: "hfft2", kind: "fromHalf", forward: true }, pair);
/** {@link ihfftn} of the last two axes. */
export const ihfft2 = several({ op: "ihfft2", kind: "toHalf", forward: false }, pair);

/** Options of {@link fftfreq} and {@link rfftfreq}. */
export interface FrequencyOptions {
  /** Distance of the samples, default 1. */
  readonly d?: number | undefined;
  readonly dtype?: DType | null | undefined;
  readonly name?: string | null | undefined;
}

function frequencyStep(n: number, o: FrequencyOptions, op: string): { step: number; dtype: DType } {
  const { d = 1 } = o;
  if (d * n === 0) throw new InvalidArgumentError(`n and d must not be 0, got ${n} and ${d}.`, { op });
  return { step: 1 / (n * d), dtype: o.dtype ?? getDefaultDtype() };
}

/**
 * Frequencies of the numbers of {@link fft}: 0, 1, …, then from -n/2 to -1, each divided by `n d`.
 *
 * @throws InvalidArgumentError when n or d is 0.
 * @example
 * ```ts
 * import { fft } from "oarjs";
 * console.log(await fft.fftfreq(4).tolist()); // [0, 0.25, -0.5, -0.25]
 * ```
 */
export function fftfreq(n: number, ...rest: Trailing<number, FrequencyOptions>): Tensor {
  const { step, dtype } = frequencyStep(n, splitOptions(`fftfreq`, rest, ["d", "dtype", "name"]), "fftfreq");
  const negative = Math.floor(n / 2);
  return scaled(roll(arange(-negative, 1, n, dtype) as Tensor, [-negative], [0]), step);
}

/** Frequencies of the numbers of {@link rfft}: 0 … n/2, each divided by `n d`. Throws InvalidArgument when n or d is 0. */
export function rfftfreq(n: number, ...rest: Trailing<number, FrequencyOptions>): Tensor {
  const { step, dtype } = frequencyStep(n, splitOptions(`rfftfreq`, rest, ["d", "dtype", "name"]), "rfftfreq");
  return scaled(arange(0, 1, Math.floor(n / 2) + 1, dtype) as Tensor, step);
}

/** Options of {@link fftshift} and {@link ifftshift}. */
export interface ShiftAxesOptions {
  /** By default all. */
  readonly axes?: number | readonly number[] | null | undefined;
  readonly name?: string | null | undefined;
}

type ShiftArguments = Trailing<number | readonly number[] | null, ShiftAxesOptions>;

function shifted(x: Tensor, op: string, rest: ShiftArguments, by: (n: number) => number): Tensor {
  const { axes: given } = splitOptions<ShiftAxesOptions>(op, rest, ["axes", "name"]);
  const list = given ?? x.shape.map((_, i) => i);
  const axes = (typeof list === "number" ? [list] : list).map((axis) => checkedAxis(x, axis, op));
  return roll(
    x,
    axes.map((axis) => by(x.shape[axis]!)),
    axes,
  );
}

/** Moves frequency 0 to the middle of the axes. Throws InvalidArgument for an axis outside the rank. */
export const fftshift = (x: Tensor, ...rest: ShiftArguments): Tensor =>
  shifted(x, "fftshift", rest, (n) => Math.floor(n / 2));

/** The inverse of {@link fftshift}. */
export const ifftshift = (x: Tensor, ...rest: ShiftArguments): Tensor =>
  shifted(x, "ifftshift", rest, (n) => Math.floor((n + 1) / 2));
