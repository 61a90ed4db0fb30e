// Paddle's `signal`: frames and their sum, short-time Fourier transforms and back.

import { isComplex } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import { divide, multiply } from "../ops/arithmetic.js";
import { concat, pad, slice } from "../ops/concat.js";
import { full } from "../ops/creation.js";
import { expand } from "../ops/broadcast.js";
import * as ops from "../ops/fft.js";
import { flip, swapAxes, transpose } from "../ops/movement.js";
import { squeeze, unsqueeze } from "../ops/views.js";
import type { Tensor } from "./tensor.js";

/** Options of {@link frame} and {@link overlapAdd}. */
export interface FrameOptions {
  /** The axis of time: -1 (default) or 0. */
  readonly axis?: 0 | -1 | undefined;
  readonly name?: string | null | undefined;
}

function requirePositive(op: string, values: Readonly<Record<string, number>>): void {
  for (const [name, n] of Object.entries(values)) {
    if (!Number.isInteger(n) || n < 1)
      throw new InvalidArgumentError(`${name} must be a positive integer, got ${n}.`, { op, [name]: n });
  }
}

function checkedAxis(axis: number, op: string): 0 | -1 {
  if (axis === 0 || axis === -1) return axis;
  throw new InvalidArgumentError(`axis must be 0 or -1, got ${axis}.`, { op, axis });
}

/** The axes in the order that moves the first to the end. */
const firstToLast = (rank: number): number[] => [...Array.from({ length: rank - 1 }, (_, i) => i + 1), 0];

/**
 * Overlapping parts of a signal: `[…, time]` to `[…, frameLength, frames]`, or with axis 0 `[time, …]` to `[frames, frameLength, …]`.
 *
 * @throws InvalidArgumentError for lengths below 1, frames longer than the signal, other axes.
 * @example
 * ```ts
 * import { signal, arange } from "oarjs";
 * console.log(await signal.frame(arange(5), 3, 2).tolist()); // [[0, 2], [1, 3], [2, 4]]
 * ```
 */
export function frame(
  x: Tensor,
  frameLength: number,
  hopLength: number,
  ...rest: Trailing<0 | -1, FrameOptions>
): Tensor {
  const axis = checkedAxis(splitOptions<FrameOptions>("frame", rest, ["axis", "name"]).axis ?? -1, "frame");
  requirePositive("frame", { frameLength, hopLength });
  if (axis === -1 || x.shape.length === 1) {
    const out = ops.frame(x, frameLength, hopLength);
    return axis === -1 ? out : swapAxes(out, 0, 1);
  }
  const rank = x.shape.length;
  const out = ops.frame(transpose(x, firstToLast(rank)), frameLength, hopLength);
  return transpose(out, [rank, rank - 1, ...Array.from({ length: rank - 1 }, (_, i) => i)]);
}

/**
 * The sum of overlapping frames: `[…, frameLength, frames]` to `[…, time]`, or with axis 0 `[frames, frameLength, …]` to `[time, …]`.
 *
 * @throws InvalidArgumentError for a hop below 1, other axes, tensors of fewer than two axes.
 */
export function overlapAdd(x: Tensor, hopLength: number, ...rest: Trailing<0 | -1, FrameOptions>): Tensor {
  const axis = checkedAxis(splitOptions<FrameOptions>("overlap_add", rest, ["axis", "name"]).axis ?? -1, "overlap_add");
  requirePositive("overlap_add", { hopLength });
  const rank = x.shape.length;
  if (rank < 2)
    throw new InvalidArgumentError(`needs two axes or more, got ${formatShape(x.shape)}.`, { op: "overlap_add" });
  if (axis === -1) return ops.overlapAdd(x, hopLength);
  const columns = transpose(x, [...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1, 0]);
  const out = ops.overlapAdd(columns, hopLength);
  return transpose(out, [rank - 2, ...Array.from({ length: rank - 2 }, (_, i) => i)]);
}

/** Options that {@link stft} and {@link istft} share. */
interface TransformOptions {
  /** Distance of frames, default `nFft / 4`. */
  readonly hopLength?: number | null | undefined;
  /** Length of the window, default nFft. */
  readonly winLength?: number | null | undefined;
  /** What frames are multiplied by, `[winLength]`; default ones. */
  readonly window?: Tensor | null | undefined;
  /** Whether frames stand around their time (the signal is extended by half a frame) or begin at it. Default true. */
  readonly center?: boolean | undefined;
  /** Divides by √nFft. */
  readonly normalized?: boolean | undefined;
  readonly name?: string | null | undefined;
}

/** Options of {@link stft}. */
export interface StftOptions extends TransformOptions {
  /** How a centred signal is extended. Default "reflect". */
  readonly padMode?: "reflect" | "constant" | undefined;
  /** Whether only the first half of each spectrum is kept; by default for real signals. */
  readonly onesided?: boolean | null | undefined;
}

/** Options of {@link istft}. */
export interface IstftOptions extends TransformOptions {
  /** Whether spectra are halves. Default true. */
  readonly onesided?: boolean | undefined;
  /** Length of the result; by default all that the frames cover. */
  readonly length?: number | null | undefined;
  /** Whether the result is complex. Default false. */
  readonly returnComplex?: boolean | undefined;
}

/** Lengths of a transform. Throws InvalidArgument for what does not fit. */
function sizes(op: string, nFft: number, o: TransformOptions): { hop: number; win: number } {
  requirePositive(op, { nFft });
  const [hop, win] = [o.hopLength ?? Math.floor(nFft / 4), o.winLength ?? nFft];
  requirePositive(op, { hopLength: hop, winLength: win });
  if (win > nFft) throw new InvalidArgumentError(`winLength (${win}) must not be above nFft (${nFft}).`, { op });
  if (o.window && (o.window.shape.length !== 1 || o.window.shape[0] !== win))
    throw new InvalidArgumentError(`window must be [${win}], got ${formatShape(o.window.shape)}.`, { op });
  return { hop, win };
}

/** The window in the middle of a frame. */
function frameWindow(window: Tensor, nFft: number): Tensor {
  const missing = nFft - window.shape[0]!;
  const before = Math.floor(missing / 2);
  return missing === 0 ? window : pad(window, [before], [missing - before]);
}

/** The signal with `n` more elements at both ends. */
function extended(x: Tensor, n: number, mode: "reflect" | "constant"): Tensor {
  if (n === 0) return x;
  const axis = x.shape.length - 1;
  const length = x.shape[axis]!;
  if (mode === "constant") return pad(x, [0, n], [0, n]);
  if (n >= length) throw new InvalidArgumentError(`a signal of ${length} cannot be reflected by ${n}.`, { op: "stft" });
  const left = flip(slice(x, [axis], [1], [n + 1]), [axis]);
  const right = flip(slice(x, [axis], [length - n - 1], [length - 1]), [axis]);
  return concat([left, x, right], axis);
}

/**
 * Short-time Fourier transform: spectra of overlapping frames, `[batch, time]` or `[time]` to `[batch, frequencies, frames]`.
 *
 * @param nFft length of a frame
 * @throws InvalidArgumentError for lengths that do not fit the signal, and half spectra of complex signals.
 * @example
 * ```ts
 * import { signal, randn } from "oarjs";
 * console.log(signal.stft(randn([40]), 8, { hopLength: 4 }).shape); // [5, 11]
 * ```
 */
export function stft(x: Tensor, nFft: number, ...rest: Trailing<number | null, StftOptions>): Tensor {
  const op = "stft";
  const keys = ["hopLength", "winLength", "window", "center", "padMode", "normalized", "onesided", "name"] as const;
  const o = splitOptions<StftOptions>(op, rest, keys);
  const { padMode = "reflect", center = true, normalized = false } = o;
  if (x.shape.length === 1) return squeeze(stft(unsqueeze(x, [0]), nFft, o), [0]);
  if (x.shape.length !== 2)
    throw new InvalidArgumentError(`takes [time] or [batch, time], got ${formatShape(x.shape)}.`, { op });
  const { hop } = sizes(op, nFft, o);
  if (nFft > x.shape[1]!) throw new InvalidArgumentError(`nFft (${nFft}) is above the length ${x.shape[1]}.`, { op });
  if (padMode !== "reflect" && padMode !== "constant")
    throw new InvalidArgumentError(`padMode must be "reflect" or "constant", got ${String(padMode)}.`, { op });
  const signal = center ? extended(x, Math.floor(nFft / 2), padMode) : x;
  const columns = swapAxes(ops.frame(signal, nFft, hop), 1, 2);
  const frames = o.window ? multiply(columns, frameWindow(o.window, nFft)) : columns;
  const isReal = !isComplex(frames.dtype);
  const onesided = o.onesided ?? isReal;
  if (onesided && !isReal)
    throw new InvalidArgumentError("complex signals and windows have no half spectra.", {
      op,
      hint: "onesided: false",
    });
  const scale = normalized ? 1 / Math.sqrt(nFft) : 1;
  const spectra = onesided ? ops.realFft(frames, 2, true, scale) : ops.fft(ops.asComplexValue(frames), 2, true, scale);
  return swapAxes(spectra, 1, 2);
}

/** Frames put together and divided by what the windows add up to. */
function joined(frames: Tensor, window: Tensor, hop: number, from: number, length: number | undefined): Tensor {
  const count = frames.shape[2]!;
  const squares = expand(unsqueeze(multiply(window, window), [1]), [window.shape[0]!, count]);
  const [sum, weight] = [ops.overlapAdd(frames, hop), ops.overlapAdd(squares, hop)];
  const end = length === undefined ? sum.shape[1]! - from : Math.min(from + length, sum.shape[1]!);
  return divide(slice(sum, [1], [from], [end]), slice(weight, [0], [from], [end]));
}

/**
 * The signal of a {@link stft}: `[batch, frequencies, frames]` or `[frequencies, frames]` to `[batch, time]`. Where windows add up to 0 the
 * result is not a number.
 *
 * @throws InvalidArgumentError for lengths that do not fit, gaps between frames, and complex results of half spectra.
 */
export function istft(x: Tensor, nFft: number, ...rest: Trailing<number | null, IstftOptions>): Tensor {
  const op = "istft";
  const keys = [
    "hopLength",
    "winLength",
    "window",
    "center",
    "normalized",
    "onesided",
    "length",
    "returnComplex",
    "name",
  ] as const;
  const o = splitOptions<IstftOptions>(op, rest, keys);
  const { center = true, normalized = false, onesided = true, returnComplex = false } = o;
  if (x.shape.length === 2) return squeeze(istft(unsqueeze(x, [0]), nFft, o), [0]);
  if (x.shape.length !== 3 || !isComplex(x.dtype))
    throw new InvalidArgumentError(
      `takes complex [frequencies, frames] or [batch, frequencies, frames], got ${formatShape(x.shape)} ${x.dtype}.`,
      { op },
    );
  const { hop, win } = sizes(op, nFft, o);
  if (hop > win) throw new InvalidArgumentError(`hopLength (${hop}) must not be above winLength (${win}).`, { op });
  const want = onesided ? Math.floor(nFft / 2) + 1 : nFft;
  if (x.shape[1] !== want || x.shape[2] === 0)
    throw new InvalidArgumentError(`spectra must be of ${want} numbers, got ${formatShape(x.shape)}.`, { op });
  if (returnComplex && onesided)
    throw new InvalidArgumentError("half spectra give real signals.", { op, hint: "onesided: false" });
  const realType = x.dtype === "complex64" ? "float32" : "float64";
  const window = frameWindow(o.window ?? (full([win], 1, realType) as Tensor), nFft);
  if (isComplex(window.dtype) && !returnComplex)
    throw new InvalidArgumentError("the window must be real.", { op, hint: "returnComplex: true" });
  const spectra = swapAxes(x, 1, 2);
  const scale = normalized ? 1 / Math.sqrt(nFft) : 1 / nFft;
  const half = onesided ? spectra : slice(spectra, [2], [0], [Math.floor(nFft / 2) + 1]);
  const frames = returnComplex ? ops.fft(spectra, 2, false, scale) : ops.toReal(half, 2, nFft, false, scale);
  const columns = swapAxes(multiply(frames, window), 1, 2);
  return joined(
    columns,
    window,
    hop,
    center ? Math.floor(nFft / 2) : 0,
    lengthOf(o.length, center, columns, hop, nFft),
  );
}

/** Length of the result; undefined: to as far from the end as from the start. */
function lengthOf(
  given: number | null | undefined,
  center: boolean,
  columns: Tensor,
  hop: number,
  nFft: number,
): number | undefined {
  if (given !== undefined && given !== null) return given;
  return center ? undefined : (columns.shape[2]! - 1) * hop + nFft;
}
