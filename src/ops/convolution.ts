// Ops: convolution, its transpose and the gradient of weights; each one's gradients are the other two.

import { InvalidArgumentError } from "../core/errors.js";
import { promoteTypes } from "../core/promotion.js";
import { formatShape, type Shape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, integers, type OpRecord, type OpSample } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { sum } from "./broadcast.js";
import { emitFilterGrad } from "./convolution-filter.js";
import { type ConvAttrs, emitConv } from "./convolution-kernels.js";
import { FEW_ROWS } from "./convolution-product.js";
import { emitTransposed } from "./convolution-transposed.js";
import { requireFloat } from "./infer.js";

/** What decides a convolution beside its operands. */
export type ConvSettings = Omit<ConvAttrs, "few" | "winograd">;

const attrs = {
  strides: fixed<readonly number[]>(),
  paddings: fixed<readonly number[]>(),
  dilations: fixed<readonly number[]>(),
  groups: fixed(1),
  few: fixed(0),
  winograd: fixed(false),
};

const few = (rows: number): number => (rows <= FEW_ROWS ? rows : 0);

/** Channels on both sides from which transforms pay (measured: bench/convolution.mjs), and the smallest planes. */
const WINOGRAD_CHANNELS = 16;
const WINOGRAD_EXTENT = 3;

/** Whether a correlation runs by Winograd's transforms. `extents`: those of its result, or of its operand; the rule is the same. */
const winograd = (w: Shape, extents: Shape, s: ConvSettings): boolean =>
  w.length === 4 &&
  w[2] === 3 &&
  w[3] === 3 &&
  s.groups === 1 &&
  Math.min(w[0]!, w[1]!) >= WINOGRAD_CHANNELS &&
  extents.slice(2).every((n) => n < 0 || n >= WINOGRAD_EXTENT) &&
  [...s.strides, ...s.dilations].every((n) => n === 1) &&
  s.paddings.every((n) => n >= 0 && n <= 2);

/** Attributes of a correlation with weights `[out, in / groups, taps]`, and of the two others; `x` is what it reads. */
const forward = (w: Shape, x: Shape, s: ConvSettings): ConvAttrs => ({
  ...pick(s),
  few: few(w[0]! / s.groups),
  winograd: winograd(w, x, s),
});
const transposed = (w: Shape, x: Shape, s: ConvSettings): ConvAttrs & { more: readonly number[] } => ({
  ...pick(s),
  few: few(w[1]!),
  winograd: winograd(w, x, s),
  more: [],
});

const pick = ({ strides, paddings, dilations, groups }: ConvSettings): ConvSettings => ({
  strides,
  paddings,
  dilations,
  groups,
});

/** The extent of an axis after a convolution. */
export const convExtent = (n: number, taps: number, s: ConvSettings, axis: number): number =>
  n < 0
    ? n
    : Math.floor(
        (n + s.paddings[2 * axis]! + s.paddings[2 * axis + 1]! - s.dilations[axis]! * (taps - 1) - 1) /
          s.strides[axis]!,
      ) + 1;

/** The extent of an axis after a transposed convolution, without extra elements at its end. */
export const transposedExtent = (n: number, taps: number, s: ConvSettings, axis: number): number =>
  n < 0
    ? n
    : (n - 1) * s.strides[axis]! -
      s.paddings[2 * axis]! -
      s.paddings[2 * axis + 1]! +
      s.dilations[axis]! * (taps - 1) +
      1;

function requireConv(op: string, x: InferInput, w: InferInput, axes: number, channels: number, s: ConvSettings): void {
  requireFloat(x, op);
  requireFloat(w, op);
  const shapes = { op, x: x.shape, weight: w.shape, groups: s.groups };
  if (x.shape.length !== axes + 2 || w.shape.length !== axes + 2)
    throw new InvalidArgumentError(
      `needs x and weight of rank ${axes + 2}, got ${formatShape(x.shape)} and ${formatShape(w.shape)}.`,
      shapes,
    );
  if (x.shape[1]! >= 0 && x.shape[1] !== channels)
    throw new InvalidArgumentError(
      `x is ${formatShape(x.shape)}, weight is ${formatShape(w.shape)}: with groups ${s.groups} x must have ${channels} channels, it has ${x.shape[1]}.`,
      { ...shapes, hint: `Expected x.shape[1] == ${channels}, but received ${x.shape[1]}.` },
    );
  if (w.shape[0]! % s.groups !== 0)
    throw new InvalidArgumentError(
      `weight is ${formatShape(w.shape)}: its first extent must be a multiple of groups ${s.groups}.`,
      shapes,
    );
  if (s.strides.some((n) => n < 1) || s.dilations.some((n) => n < 1) || s.paddings.some((n) => n < 0))
    throw new InvalidArgumentError("strides and dilations must be positive, paddings not negative.", {
      ...shapes,
      ...s,
    });
}

function requirePositive(op: string, x: Shape, w: Shape, shape: Shape): Shape {
  if (shape.every((n, i) => n > 0 || i === 0 || x[i]! < 0)) return shape;
  throw new InvalidArgumentError(
    `a kernel ${formatShape(w)} on ${formatShape(x)} leaves nothing: ${formatShape(shape)}.`,
    {
      op,
      x,
      weight: w,
      hint: "use less dilation or a smaller kernel, or more padding.",
    },
  );
}

function checkBias(op: string, bias: InferInput | undefined, channels: number): void {
  if (bias && (bias.shape.length !== 1 || (bias.shape[0] !== channels && bias.shape[0] !== 1)))
    throw new InvalidArgumentError(`bias must be [${channels}], got ${formatShape(bias.shape)}.`, {
      op,
      bias: bias.shape,
    });
}

/** Samples every rank is tried with: few rows and many, strides, paddings, dilations, groups, a bias. */
interface Trial {
  readonly n: number;
  readonly channels: number;
  readonly out: number;
  readonly size: number;
  readonly taps: number;
  readonly settings: readonly [stride: number, before: number, after: number, dilation: number, groups: number];
  readonly bias?: boolean;
  readonly winograd?: boolean;
}

const trials: readonly Trial[] = [
  { n: 2, channels: 3, out: 4, size: 7, taps: 3, settings: [1, 1, 1, 1, 1], bias: true },
  { n: 1, channels: 4, out: 4, size: 6, taps: 3, settings: [2, 1, 0, 1, 2] },
  { n: 2, channels: 3, out: 3, size: 8, taps: 2, settings: [3, 0, 2, 2, 3], bias: true },
  { n: 1, channels: 2, out: 2, size: 5, taps: 1, settings: [2, 0, 0, 1, 1] },
  { n: 2, channels: 2, out: 3, size: 6, taps: 3, settings: [1, 1, 2, 1, 1], bias: true, winograd: true },
];

type Shaper = (t: Trial, axes: number) => readonly (Shape | undefined)[];

function samplesOf(axes: number, shapes: Shaper, more: Readonly<Record<string, unknown>> = {}): OpSample[] {
  return trials.flatMap((t) => {
    if (t.winograd && axes !== 2) return [];
    const [stride, before, after, dilation, groups] = t.settings;
    const repeat = (x: number): number[] => Array.from({ length: axes }, () => x);
    const common = {
      strides: repeat(stride),
      paddings: repeat(0).flatMap(() => [before, after]),
      dilations: repeat(dilation),
      groups,
    };
    const inputs = shapes(t, axes);
    if (t.winograd) return [{ inputs, attrs: { ...common, few: 0, winograd: true, ...more } }];
    return [t.out / groups, 0].map((few) => ({ inputs, attrs: { ...common, few, winograd: false, ...more } }));
  });
}

const space = (axes: number, n: number): number[] => Array.from({ length: axes }, () => n);
const inputOf: Shaper = (t, axes) => [
  [t.n, t.channels, ...space(axes, t.size)],
  [t.out, t.channels / t.settings[4], ...space(axes, t.taps)],
  t.bias ? [t.out] : undefined,
  undefined,
];
const settingsOf = (t: Trial, axes: number): ConvSettings => ({
  strides: space(axes, t.settings[0]),
  paddings: space(axes, 0).flatMap(() => [t.settings[1], t.settings[2]]),
  dilations: space(axes, t.settings[3]),
  groups: t.settings[4],
});
const resultOf = (t: Trial, axes: number): Shape => [
  t.n,
  t.out,
  ...space(axes, convExtent(t.size, t.taps, settingsOf(t, axes), 0)),
];

function family(axes: number) {
  /** Weights `[out, in / groups, taps]`. `like`: extents of the result. */
  const conv: OpRecord = defineOp({
    name: `conv${axes}d`,
    inputs: ["x", "w", "bias?", "like?"],
    outputs: ["out"],
    attrs,
    infer: ({ x, w, bias, like }, a) => {
      const op = `conv${axes}d`;
      requireConv(op, x, w, axes, w.shape[1]! * a.groups, a);
      checkBias(op, bias, w.shape[0]!);
      const extents = like ? like.shape.slice(2) : x.shape.slice(2).map((n, i) => convExtent(n, w.shape[2 + i]!, a, i));
      const shape = requirePositive(op, x.shape, w.shape, [x.shape[0]!, w.shape[0]!, ...extents]);
      return { outs: { out: { shape, dtype: dtypeOf(op, x, w, bias) } } };
    },
    kernel: (b, { x, w, bias }, { out }, a) => emitConv(b, x, w, bias, out, a),
    fuses: { stores: true },
    ghosts: ["like"],
    saves: ["x", "w"],
    grad: ({ x, w }, d, { attrs: a, meta }) => ({
      x: () => bind1(transpose, [d.out, w, undefined, meta.x], transposed(w.shape, d.out.shape, a)),
      w: () => bind1(filter, [x, d.out, meta.w], forward(meta.w.shape, x.shape, a)),
      bias: () => sum(d.out, [0, ...space(axes, 0).map((_, i) => i + 2)]),
    }),
    check: { domain: [-0.5, 0.5], samples: samplesOf(axes, inputOf) },
  });

  /** Weights `[in, out / groups, taps]`: the transpose of the convolution with these weights. `like`: extents of the result. */
  const transpose: OpRecord = defineOp({
    name: `conv${axes}d_transpose`,
    inputs: ["x", "w", "bias?", "like?"],
    outputs: ["out"],
    attrs: { ...attrs, more: integers([]) },
    infer: ({ x, w, bias, like }, a) => {
      const op = `conv${axes}d_transpose`;
      requireConv(op, x, w, axes, w.shape[0]!, a);
      checkBias(op, bias, w.shape[1]! * a.groups);
      const extents = like
        ? like.shape.slice(2)
        : x.shape.slice(2).map((n, i) => transposedExtent(n, w.shape[2 + i]!, a, i) + (n < 0 ? 0 : (a.more[i] ?? 0)));
      const shape = requirePositive(op, x.shape, w.shape, [x.shape[0]!, w.shape[1]! * a.groups, ...extents]);
      return { outs: { out: { shape, dtype: dtypeOf(op, x, w, bias) } } };
    },
    kernel: (b, { x, w, bias }, { out }, a) => emitTransposed(b, x, w, bias, out, a),
    fuses: { stores: true },
    ghosts: ["like"],
    saves: ["x", "w"],
    grad: ({ x, w }, d, { attrs: a, meta }) => ({
      x: () => bind1(conv, [d.out, w, undefined, meta.x], forward(w.shape, d.out.shape, a)),
      w: () => bind1(filter, [d.out, x, meta.w], forward(meta.w.shape, d.out.shape, a)),
      bias: () => sum(d.out, [0, ...space(axes, 0).map((_, i) => i + 2)]),
    }),
    check: {
      domain: [-0.5, 0.5],
      samples: samplesOf(axes, (t, n) => [
        resultOf(t, n),
        [t.out, t.channels / t.settings[4], ...space(n, t.taps)],
        t.bias ? [t.channels] : undefined,
        t.bias ? undefined : [t.n, t.channels, ...space(n, t.size)],
      ]),
    },
  });

  /** The gradient of a convolution's weights, of the shape of `like`: `x` its input, `d` the gradient of its result. */
  const filter: OpRecord = defineOp({
    name: `conv${axes}d_filter_grad`,
    inputs: ["x", "d", "like"],
    outputs: ["out"],
    attrs,
    infer: ({ x, d, like }) => ({
      outs: { out: { shape: like.shape, dtype: promoteTypes(x.dtype, d.dtype, `conv${axes}d_filter_grad`) } },
    }),
    kernel: (b, { x, d }, { out }, a) => emitFilterGrad(b, x, d, out, a),
    fuses: { stores: true },
    ghosts: ["like"],
    saves: ["x", "d"],
    grad: ({ x, d: y }, d, { attrs: a, meta }) => ({
      x: () => bind1(transpose, [y, d.out, undefined, meta.x], transposed(d.out.shape, y.shape, a)),
      d: () => bind1(conv, [x, d.out, undefined, meta.d], forward(d.out.shape, x.shape, a)),
    }),
    check: {
      domain: [-0.5, 0.5],
      samples: samplesOf(axes, (t, n) => [inputOf(t, n)[0], resultOf(t, n), inputOf(t, n)[1]]),
    },
  });
  return { conv, transpose, filter } as const;
}

function dtypeOf(op: string, x: InferInput, w: InferInput, bias: InferInput | undefined): InferInput["dtype"] {
  const dtype = promoteTypes(x.dtype, w.dtype, op);
  return bias ? promoteTypes(dtype, bias.dtype, op) : dtype;
}

const [flat, solid] = [family(2), family(3)];

/** Convolution over two axes, its transpose, and the gradient of its weights. */
export const conv2dOp = flat.conv;
export const conv2dTransposeOp = flat.transpose;
export const conv2dFilterGradOp = flat.filter;
/** Convolution over three axes, its transpose, and the gradient of its weights. */
export const conv3dOp = solid.conv;
export const conv3dTransposeOp = solid.transpose;
export const conv3dFilterGradOp = solid.filter;

/**
 * Convolution of `[n, c, …]` with weights `[out, c / groups, …]` over two or three axes, plus a bias `[out]`.
 *
 * 3 × 3 kernels of 16 channels or more, without strides, dilation or groups, run by Winograd's F(4 × 4, 3 × 3) at the points 0, ±5/8, ±3/2 and
 * infinity, as do both of their gradients: a quarter of the multiplications. Its error in float32 is about twice that of a plain sum:
 * root mean square 9e-7 of the result's, against 4e-7, for 64 to 256 channels (Lavin and Gray, Fast algorithms for convolutional neural
 * networks, 2015; Barabasz et al., Error analysis and improving the accuracy of Winograd convolution, 2018).
 *
 * @throws InvalidArgumentError for ranks, channels or extents that do not fit.
 */
export function conv<T extends Value>(x: T, w: T, bias: T | undefined, s: ConvSettings): T {
  const op = x.shape.length === 5 ? conv3dOp : conv2dOp;
  return bind1(op, [x, w, bias, undefined], forward(w.shape, x.shape, s)) as T;
}

/**
 * Transposed convolution of `[n, c, …]` with weights `[c, out / groups, …]` over two or three axes, plus a bias `[out]`. `more`: elements
 * added at the end of each axis, or `like`, a tensor with the extents wanted.
 *
 * @throws InvalidArgumentError for ranks, channels or extents that do not fit.
 */
export function convTranspose<T extends Value>(
  x: T,
  w: T,
  bias: T | undefined,
  s: ConvSettings,
  more: readonly number[],
): T {
  const op = x.shape.length === 5 ? conv3dTransposeOp : conv2dTransposeOp;
  return bind1(op, [x, w, bias, undefined], { ...transposed(w.shape, x.shape, s), more }) as T;
}
