// Paddle's unfold and fold: windows of images as columns, and back.

import { splitOptions, type Trailing } from "../../core/options.js";
import { InvalidArgumentError } from "../../core/errors.js";
import * as ops from "../../ops/fold.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type PerAxis, perAxis } from "./spatial.js";

/** Options of {@link unfold} and {@link fold}. */
export interface FoldOptions {
  /** Distance of windows. Default 1. */
  readonly strides?: PerAxis | undefined;
  /** Zeros around: one number, `[height, width]`, or `[top, left, bottom, right]`. Default 0. */
  readonly paddings?: PerAxis | undefined;
  /** Distance of a window's elements. Default 1. */
  readonly dilations?: PerAxis | undefined;
}

function settings(op: string, sizes: PerAxis, rest: Trailing<PerAxis, FoldOptions>): ops.FoldSettings {
  const o = splitOptions<FoldOptions>(op, rest, ["strides", "paddings", "dilations"]);
  const read = (x: PerAxis | undefined, name: string): number[] => {
    const list = perAxis(x ?? 1, 2, name, op);
    if (list.every((n) => n > 0)) return list;
    throw new InvalidArgumentError(`${name} must be positive, got [${list.join(", ")}].`, { op });
  };
  const given = o.paddings ?? 0;
  const four = Array.isArray(given) && given.length === 4;
  const [top, left, bottom, right] = four
    ? perAxis(given, 4, "paddings", op)
    : ((p: number[]) => [p[0], p[1], p[0], p[1]])(perAxis(given, 2, "paddings", op));
  if ([top, left, bottom, right].some((n) => n! < 0))
    throw new InvalidArgumentError("paddings must not be negative.", { op });
  return {
    sizes: read(sizes, "kernelSizes"),
    strides: read(o.strides, "strides"),
    paddings: [top!, bottom!, left!, right!],
    dilations: read(o.dilations, "dilations"),
  };
}

/**
 * The elements of every window as columns.
 *
 * @param x `[n, channels, height, width]`
 * @returns `[n, channels · kernel elements, windows]`
 * @throws InvalidArgumentError for a rank or windows that do not fit.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(nn.functional.unfold(ones([1, 2, 4, 4]), 2, { strides: 2 }).shape); // [1, 8, 4]
 * ```
 */
export const unfold = (x: Tensor, kernelSizes: PerAxis, ...rest: Trailing<PerAxis, FoldOptions>): Tensor =>
  ops.unfold(x, settings("unfold", kernelSizes, rest));

/**
 * Columns as {@link unfold} gives them added back into images: elements of overlapping windows add up.
 *
 * @param x `[n, channels · kernel elements, windows]`
 * @param outputSizes `[height, width]`
 * @throws InvalidArgumentError when the images have another number of windows.
 */
export const fold = (
  x: Tensor,
  outputSizes: PerAxis,
  kernelSizes: PerAxis,
  ...rest: Trailing<PerAxis, FoldOptions>
): Tensor => ops.fold(x, perAxis(outputSizes, 2, "outputSizes", "fold"), settings("fold", kernelSizes, rest));
