// Padding: constant, mirrored, repeated and circular, of all axes or of the spatial ones.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { pad as padConstant } from "../../ops/concat.js";
import { gather } from "../../ops/gather.js";
import { padIndex } from "../../ops/index-math.js";
import { type IntsLike, intsOf, numberOf } from "../../tensor/arguments.js";
import type { Tensor } from "../../tensor/tensor.js";

/** What padded places hold: one number, the mirrored interior, the edge, or the other end. */
export type PadMode = "constant" | "reflect" | "replicate" | "circular";

/** Order of axes: batch, channels first or last, and the spatial axes. */
export type PadFormat = "NCL" | "NLC" | "NCHW" | "NHWC" | "NCDHW" | "NDHWC";

/** Options of {@link pad}. */
export interface PadOptions {
  /** Default "constant". */
  readonly mode?: PadMode | undefined;
  /** What constant padding holds. Default 0. */
  readonly value?: number | Tensor | undefined;
  /** Which axes are spatial. Default "NCHW" (read as channels first for any rank). */
  readonly dataFormat?: PadFormat | undefined;
  /** Constant padding of all axes: true (default) names the first axis first, false the last. */
  readonly padFromLeftAxis?: boolean | undefined;
}

/** How much to add before and after each axis. */
interface Amounts {
  readonly before: number[];
  readonly after: number[];
}

function amounts(x: Tensor, list: readonly number[], mode: PadMode, format: PadFormat, fromLeft: boolean): Amounts {
  const rank = x.shape.length;
  const out: Amounts = { before: new Array<number>(rank).fill(0), after: new Array<number>(rank).fill(0) };
  const set = (axis: number, pair: number): void => {
    out.before[axis] = list[2 * pair]!;
    out.after[axis] = list[2 * pair + 1]!;
  };
  const pairs = Math.min(Math.floor(list.length / 2), rank);
  if (mode === "constant" && list.length === 2 * rank) {
    for (let i = 0; i < rank; i++) set(fromLeft ? i : rank - 1 - i, i);
    return out;
  }
  // The first pair belongs to the last spatial axis, as in torch.
  const lastSpatial = format.endsWith("C") ? rank - 2 : rank - 1;
  for (let i = 0; i < pairs; i++) set(lastSpatial - i, i);
  return out;
}

/**
 * Surrounds a tensor with more elements. As many pairs as axes (constant mode) pad every axis; fewer pad the spatial axes, the last one
 * first: `[left, right, top, bottom]`.
 *
 * @throws InvalidArgumentError for an unknown mode, or when mirrored or circular padding is larger than the axis.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(nn.functional.pad(ones([1, 1, 2, 2]), [1, 1, 0, 0]).shape); // [1, 1, 2, 4]
 * ```
 */
export function pad(x: Tensor, padding: IntsLike | number, ...rest: Trailing<PadMode, PadOptions>): Tensor {
  const o = splitOptions<PadOptions>("pad", rest, ["mode", "value", "dataFormat", "padFromLeftAxis"]);
  const { mode = "constant", value = 0, dataFormat = "NCHW", padFromLeftAxis = true } = o;
  if (!["constant", "reflect", "replicate", "circular"].includes(mode))
    throw new InvalidArgumentError(`mode is constant, reflect, replicate or circular, got ${String(mode)}.`, {
      op: "pad",
      mode,
    });
  const spatial = Math.max(x.shape.length - 2, 0);
  const list = typeof padding === "number" ? new Array<number>(2 * spatial).fill(padding) : intsOf(padding, "pad");
  if (mode !== "constant" && (list.length !== 2 * spatial || spatial === 0))
    throw new InvalidArgumentError(
      `${mode} padding of ${formatShape(x.shape)} needs ${2 * spatial} numbers, got ${list.length}.`,
      { op: "pad", x: x.shape, pad: list },
    );
  const { before, after } = amounts(x, list, mode, dataFormat, padFromLeftAxis);
  if (mode === "constant") return padConstant(x, before, after, numberOf(value, "pad"));
  return x.shape.reduce((y, _, axis) => padAxis(y, axis, before[axis]!, after[axis]!, mode), x);
}

function padAxis(x: Tensor, axis: number, before: number, after: number, mode: Exclude<PadMode, "constant">): Tensor {
  if (before === 0 && after === 0) return x;
  const n = x.shape[axis]!;
  const most = mode === "reflect" ? n - 1 : mode === "circular" ? n : Number.POSITIVE_INFINITY;
  if (before < 0 || after < 0 || Math.max(before, after) > most || n === 0)
    throw new InvalidArgumentError(
      `${mode} padding of ${before} and ${after} does not fit axis ${axis} of ${formatShape(x.shape)}.`,
      { op: "pad", x: x.shape, axis },
    );
  return gather(x, padIndex(x, axis, before, after, mode), axis);
}

/** Options of {@link zeropad2d}. */
export interface ZeroPad2dOptions {
  /** Default "NCHW". */
  readonly dataFormat?: "NCHW" | "NHWC" | undefined;
}

/** Zeros around images: `[left, right, top, bottom]`. */
export function zeropad2d(
  x: Tensor,
  padding: IntsLike | number,
  ...rest: Trailing<"NCHW" | "NHWC", ZeroPad2dOptions>
): Tensor {
  const { dataFormat = "NCHW" } = splitOptions<ZeroPad2dOptions>("zeropad2d", rest, ["dataFormat"]);
  if (x.shape.length !== 4)
    throw new InvalidArgumentError(`needs images of 4 axes, got ${formatShape(x.shape)}.`, {
      op: "zeropad2d",
      x: x.shape,
    });
  const list = typeof padding === "number" ? [padding, padding, padding, padding] : intsOf(padding, "zeropad2d");
  const { before, after } = amounts(x, list.slice(0, 4), "reflect", dataFormat, true);
  return padConstant(x, before, after, 0);
}
