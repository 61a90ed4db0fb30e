// Paddle's functions that resample images: interpolate, upsample, affineGrid, gridSample.

import { InvalidArgumentError } from "../../core/errors.js";
import { describe, splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { expand } from "../../ops/broadcast.js";
import { stack } from "../../ops/concat.js";
import { arange, full } from "../../ops/creation.js";
import { type InterpolateMode, interpolate as resample } from "../../ops/interpolate.js";
import { gridSample as sampleGrid, type GridSettings } from "../../ops/interpolate-grid.js";
import { matmul } from "../../ops/matmul.js";
import { swapAxes } from "../../ops/movement.js";
import { adaptiveAveragePool } from "../../ops/pooling-average.js";
import { reshape } from "../../ops/views.js";
import { type IntsLike, intsOf, numbersOf } from "../../tensor/arguments.js";
import type { Tensor } from "../../tensor/tensor.js";
import { Value } from "../../program/value.js";
import { channelsFirst, narrow, type PerAxis, perAxis, widen } from "./spatial.js";

/** How {@link interpolate} mixes elements: the nearest, the linear neighbours, 4 by 4 cubic ones, or all that an element covers. */
export type InterpolationMode = "nearest" | "linear" | "bilinear" | "trilinear" | "bicubic" | "area";

/** Options of {@link interpolate}. */
export interface InterpolateOptions {
  /** Extents of the result's axes of space. */
  readonly size?: PerAxis | null | undefined;
  /** Or how many times larger they are: one number, or one for each axis. */
  readonly scaleFactor?: number | readonly number[] | Tensor | null | undefined;
  /** Default "nearest". */
  readonly mode?: InterpolationMode | undefined;
  /** Whether the centres of corner elements stay where they are. Default false. */
  readonly alignCorners?: boolean | undefined;
  /** Without alignCorners, linear modes: 0 elements are squares (default), 1 they are points. */
  readonly alignMode?: 0 | 1 | undefined;
  /** Channels first (default) or last, as "NCW", "NHWC" … */
  readonly dataFormat?: string | null | undefined;
}

const keys = ["size", "scaleFactor", "mode", "alignCorners", "alignMode", "dataFormat"] as const;

const modes: Readonly<
  Record<InterpolationMode, { readonly axes: readonly number[]; readonly mode: InterpolateMode | "area" }>
> = {
  nearest: { axes: [1, 2, 3], mode: "nearest" },
  linear: { axes: [1], mode: "linear" },
  bilinear: { axes: [2], mode: "linear" },
  trilinear: { axes: [3], mode: "linear" },
  bicubic: { axes: [2], mode: "cubic" },
  area: { axes: [1, 2, 3], mode: "area" },
};

function checked(op: string, x: Tensor, o: InterpolateOptions): { mode: InterpolateMode | "area"; last: boolean } {
  const name = (o.mode ?? "nearest").toLowerCase();
  const known = (modes as Readonly<Record<string, (typeof modes)["area"]>>)[name];
  const axes = x.shape.length - 2;
  if (!known)
    throw new InvalidArgumentError(`mode must be one of ${Object.keys(modes).join(", ")}, got ${describe(o.mode)}.`, {
      op,
    });
  if (!known.axes.includes(axes))
    throw new InvalidArgumentError(
      `mode "${name}" needs x of rank ${known.axes.map((n) => n + 2).join(" or ")}, got ${formatShape(x.shape)}.`,
      {
        op,
        x: x.shape,
      },
    );
  if (o.alignCorners && (known.mode === "nearest" || known.mode === "area"))
    throw new InvalidArgumentError(`mode "${name}" has no alignCorners.`, { op });
  if (o.alignMode !== undefined && o.alignMode !== 0 && o.alignMode !== 1)
    throw new InvalidArgumentError(`alignMode must be 0 or 1, got ${describe(o.alignMode)}.`, { op });
  const first = ["NCW", "NCHW", "NCDHW"][axes - 1]!;
  const lastFormat = ["NWC", "NHWC", "NDHWC"][axes - 1]!;
  const format = o.dataFormat ?? first;
  if (format !== first && format !== lastFormat)
    throw new InvalidArgumentError(`dataFormat must be "${first}" or "${lastFormat}", got ${describe(format)}.`, {
      op,
    });
  return { mode: known.mode, last: format === lastFormat };
}

/** Numbers of a scale for each axis. */
function scalesOf(op: string, scale: number | readonly number[] | Tensor, axes: number): number[] {
  const list =
    typeof scale === "number" ? [scale] : scale instanceof Value ? numbersOf(scale) : [...(scale as readonly number[])];
  const all = list.length === 1 ? new Array<number>(axes).fill(list[0]!) : list;
  if (all.length !== axes || all.some((n) => !(n > 0)))
    throw new InvalidArgumentError(`scaleFactor must be positive, one number or ${axes}, got ${describe(scale)}.`, {
      op,
    });
  return all;
}

function interpolation(op: string, given: Tensor, o: InterpolateOptions): Tensor {
  const { mode, last } = checked(op, given, o);
  const { x, back } = channelsFirst(given, last);
  const axes = x.shape.length - 2;
  const bySize = o.size !== undefined && o.size !== null;
  const byScale = o.scaleFactor !== undefined && o.scaleFactor !== null;
  if (bySize === byScale)
    throw new InvalidArgumentError("one of size and scaleFactor must be given, and not both.", { op });
  const scales = byScale ? scalesOf(op, o.scaleFactor!, axes) : [];
  const extents = bySize
    ? perAxis(o.size!, axes, "size", op)
    : x.shape.slice(2).map((n, i) => Math.floor(n * scales[i]!));
  if (extents.some((n) => n < 1))
    throw new InvalidArgumentError(`extents must be positive, got ${formatShape(extents)}.`, { op });
  if (mode !== "area") {
    const { alignCorners = false, alignMode = 0 } = o;
    return back(resample(x, extents, { mode, alignCorners, alignMode, scales: [...scales].reverse() }));
  }
  return back(axes === 1 ? narrow(adaptiveAveragePool(widen(x), [1, ...extents])) : adaptiveAveragePool(x, extents));
}

type Rest = Trailing<PerAxis | null, InterpolateOptions>;

/**
 * A tensor `[n, channels, …]` with other extents of space.
 *
 * @param x one axis of space ("nearest", "linear", "area"), two ("nearest", "bilinear", "bicubic", "area") or three ("nearest",
 *   "trilinear", "area")
 * @throws InvalidArgumentError for a mode that x's rank has not, and unless exactly one of size and scaleFactor is given.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(nn.functional.interpolate(ones([1, 3, 4, 4]), { scaleFactor: 2, mode: "bilinear" }).shape); // [1, 3, 8, 8]
 * ```
 */
export const interpolate = (x: Tensor, ...rest: Rest): Tensor =>
  interpolation("interpolate", x, splitOptions<InterpolateOptions>("interpolate", rest, keys));

/** {@link interpolate} under its other name. */
export const upsample = (x: Tensor, ...rest: Rest): Tensor =>
  interpolation("upsample", x, splitOptions<InterpolateOptions>("upsample", rest, keys));

/** Options of {@link affineGrid}. */
export interface AffineGridOptions {
  /** Whether -1 and 1 are the centres of the outermost elements (default), or their outer edges. */
  readonly alignCorners?: boolean | undefined;
}

/**
 * Places for {@link gridSample}: the affine map `theta` of each place of an image.
 *
 * @param theta `[n, 2, 3]` for images, `[n, 3, 4]` for volumes
 * @param outShape `[n, channels, height, width]`, or with depth before height
 * @returns `[n, height, width, 2]`, or `[n, depth, height, width, 3]`; the last axis names x first
 * @throws InvalidArgumentError for shapes that do not fit.
 */
export function affineGrid(theta: Tensor, outShape: IntsLike, ...rest: Trailing<boolean, AffineGridOptions>): Tensor {
  const op = "affine_grid";
  const { alignCorners = true } = splitOptions<AffineGridOptions>(op, rest, ["alignCorners"]);
  const shape = intsOf(outShape, op);
  const axes = shape.length - 2;
  if (theta.shape.length !== 3 || theta.shape[1] !== axes || theta.shape[2] !== axes + 1 || axes < 2 || axes > 3)
    throw new InvalidArgumentError(`theta ${formatShape(theta.shape)} does not map images ${formatShape(shape)}.`, {
      op,
      theta: theta.shape,
      outShape: shape,
    });
  const space = shape.slice(2);
  const along = (axis: number): Tensor => {
    const n = space[axis]!;
    const [step, first] = alignCorners ? [n > 1 ? 2 / (n - 1) : 0, -1] : [2 / n, 1 / n - 1];
    const line = arange(first, step, n, theta.dtype) as Tensor;
    return expand(
      reshape(
        line,
        space.map((_, i) => (i === axis ? n : 1)),
      ),
      space,
    );
  };
  const places = [...space.map((_, i) => along(axes - 1 - i)), full(space, 1, theta.dtype) as Tensor];
  const flat = reshape(stack(places, axes), [-1, axes + 1]);
  return reshape(matmul(flat, swapAxes(theta, 1, 2)), [theta.shape[0]!, ...space, axes]);
}

/** Options of {@link gridSample}. */
export interface GridSampleOptions {
  /** Default "bilinear" (for volumes trilinear). */
  readonly mode?: GridSettings["mode"] | undefined;
  /** What lies outside: default "zeros". */
  readonly paddingMode?: GridSettings["paddingMode"] | undefined;
  /** Whether -1 and 1 are the centres of the outermost elements (default), or their outer edges. */
  readonly alignCorners?: boolean | undefined;
}

/**
 * Elements of `x` at places between -1 and 1.
 *
 * @param x `[n, channels, height, width]`, or with depth before height
 * @param grid `[n, height', width', 2]`, or `[n, depth', height', width', 3]`; the last axis names x first
 * @throws InvalidArgumentError for an unknown mode, and shapes that do not fit.
 */
export function gridSample(
  x: Tensor,
  grid: Tensor,
  ...rest: Trailing<GridSettings["mode"], GridSampleOptions>
): Tensor {
  const op = "grid_sample";
  const o = splitOptions<GridSampleOptions>(op, rest, ["mode", "paddingMode", "alignCorners"]);
  const { mode = "bilinear", paddingMode = "zeros", alignCorners = true } = o;
  if (mode !== "bilinear" && mode !== "nearest")
    throw new InvalidArgumentError(`mode must be "bilinear" or "nearest", got ${describe(mode)}.`, { op });
  if (!["zeros", "border", "reflection"].includes(paddingMode))
    throw new InvalidArgumentError(
      `paddingMode must be "zeros", "border" or "reflection", got ${describe(paddingMode)}.`,
      { op },
    );
  return sampleGrid(x, grid, { mode, paddingMode, alignCorners });
}
