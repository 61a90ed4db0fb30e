// Convolutions in plain loops over numbers, by definition: what the tests of the kernels compare with.

import type { Shape } from "../core/shape.js";
import { sizeOf } from "../core/shape.js";
import type { Plain } from "../program/op.js";
import type { ConvSettings } from "./convolution.js";

/** Every index of a shape, in row-major order. */
export function* indices(shape: Shape): Generator<number[]> {
  for (let p = 0; p < sizeOf(shape); p++) {
    const index: number[] = [];
    let rest = p;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index.unshift(rest % shape[axis]!);
      rest = Math.floor(rest / shape[axis]!);
    }
    yield index;
  }
}

/** Position of an index, or -1 outside of the shape. */
export const positionOf = (shape: Shape, index: readonly number[]): number =>
  index.reduce((at, i, axis) => (at < 0 || i < 0 || i >= shape[axis]! ? -1 : at * shape[axis]! + i), 0);

/** Calls `visit` with positions (x, w, out) of every product `x · w` that a convolution sums up in `out`. */
function eachProduct(
  x: Shape,
  w: Shape,
  out: Shape,
  s: ConvSettings,
  visit: (x: number, w: number, out: number) => void,
): void {
  const rows = w[0]! / s.groups;
  for (const o of indices(out)) {
    for (const c of indices([w[1]!, ...w.slice(2)])) {
      const group = Math.floor(o[1]! / rows);
      const place = o.slice(2).map((p, a) => p * s.strides[a]! + c[1 + a]! * s.dilations[a]! - s.paddings[2 * a]!);
      const from = positionOf(x, [o[0]!, group * w[1]! + c[0]!, ...place]);
      if (from >= 0) visit(from, positionOf(w, [o[1]!, ...c]), positionOf(out, o));
    }
  }
}

/** `out` of a convolution. */
export function plainConv(x: Plain, w: Plain, bias: Plain | undefined, shape: Shape, s: ConvSettings): Plain {
  const data = [...indices(shape)].map((o) => bias?.data[o[1]!] ?? 0);
  eachProduct(x.shape, w.shape, shape, s, (a, b, to) => (data[to]! += x.data[a]! * w.data[b]!));
  return { shape, data };
}

/** `out` of a transposed convolution: products flow from the convolution's result to its operand. */
export function plainTransposed(x: Plain, w: Plain, bias: Plain | undefined, shape: Shape, s: ConvSettings): Plain {
  const data = [...indices(shape)].map((o) => bias?.data[o[1]!] ?? 0);
  eachProduct(shape, w.shape, x.shape, s, (to, b, a) => (data[to]! += x.data[a]! * w.data[b]!));
  return { shape, data };
}

/** The gradient of the weights. */
export function plainFilterGrad(x: Plain, d: Plain, shape: Shape, s: ConvSettings): Plain {
  const data = new Array<number>(sizeOf(shape)).fill(0);
  eachProduct(x.shape, shape, d.shape, s, (a, to, b) => (data[to]! += x.data[a]! * d.data[b]!));
  return { shape, data };
}
