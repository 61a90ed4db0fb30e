// Kernels of pooling: the windows of a result's elements, maxima with their places, sums, and the ways back.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Expr, constant } from "../kernel/expr.js";
import { ceilDiv, linear, product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { extentsOf } from "./convolution-source.js";
import { identityOf } from "../kernel/vectorize.js";
import { coordinates } from "./loops.js";

/** Where the windows lie along one axis: elements `start` to `end`-1 for each element of the result, inside of the input. */
export interface Windows {
  start(o: Expr): Expr;
  end(o: Expr): Expr;
  /** Elements that an average divides by. */
  count(o: Expr): Expr;
  /** Equal windows at equal distances: element t of window o is `o · stride - padding + t`. */
  readonly even?: { readonly size: number; readonly stride: number; readonly padding: number } | undefined;
}

/** Windows of one size, `stride` apart, the first beginning `padding` before the input. */
export function evenWindows(extent: Expr, size: number, stride: number, padding: number, exclusive: boolean): Windows {
  const first = (o: Expr): Expr => k.sub(k.mul(o, stride), padding);
  const start = (o: Expr): Expr => (padding === 0 ? first(o) : k.max(0, first(o)));
  const end = (o: Expr): Expr => k.min(k.add(first(o), size), extent);
  const count = (o: Expr): Expr =>
    exclusive ? k.sub(end(o), start(o)) : k.sub(k.min(k.add(first(o), size), k.add(extent, padding)), first(o));
  return { start, end, count, even: { size, stride, padding } };
}

/** Windows that cut an axis into as many parts as the result has elements: they may overlap by one. */
export function adaptiveWindows(extent: Expr, result: Expr): Windows {
  const start = (o: Expr): Expr => k.divIndex(k.mul(o, extent), result);
  const end = (o: Expr): Expr => ceilDiv(k.mul(k.add(o, 1), extent), result);
  return { start, end, count: (o) => k.sub(end(o), start(o)) };
}

/**
 * One launch over the rows of the result. `row` gets the image and channel as one number and the row's index; `element` is called in loops
 * over its elements, in vectors where all windows of the loop are whole.
 */
function eachElement(
  b: KernelContext,
  out: OutRef,
  windows: readonly Windows[],
  extent: Expr,
  element: (plane: Expr, index: readonly Expr[], whole: boolean) => void,
): void {
  const axes = windows.length;
  const extents = extentsOf(out, 2, axes);
  const width = extents.at(-1)!;
  const outer = extents.slice(0, -1);
  const { even } = windows.at(-1)!;
  b.parallel(k.mul(out.extent(0), out.extent(1)), (plane) => {
    b.for(0, product(outer), (r) => {
      const row = coordinates(b, r, outer);
      const each = (whole: boolean) => (o: Expr) => element(plane, [...row, o], whole);
      if (!even) {
        b.for(0, width, each(false));
        return;
      }
      const { size, stride, padding } = even;
      const low = b.let(k.min(ceilDiv(constant("i32", padding), stride), width), "low");
      const fits = k.add(k.divIndex(k.max(k.sub(k.add(extent, padding), size), 0), stride), 1);
      const enough = k.ge(k.add(extent, padding), size);
      const high = b.let(k.max(low, k.min(k.select(enough, fits, 0), width)), "high");
      b.for(0, low, each(false));
      b.lanes(low, high, each(true));
      b.for(high, width, each(false));
    });
  });
}

/** Visits the elements of a window: `visit` gets positions in the input's plane. All but the last axis are cut at the input's border. */
function eachOfWindow(
  b: KernelContext,
  extents: readonly Expr[],
  windows: readonly Windows[],
  index: readonly Expr[],
  whole: boolean,
  visit: (position: Expr) => void,
): void {
  const last = windows.length - 1;
  const from = (axis: number, at: Expr): void => {
    const w = windows[axis]!;
    const o = index[axis]!;
    const row = axis === 0 ? constant("i32", 0) : k.mul(at, extents[axis]!);
    if (axis < last) b.for(w.start(o), w.end(o), (i) => from(axis + 1, axis === 0 ? i : k.add(row, i)));
    else if (whole && w.even) {
      const { size, stride, padding } = w.even;
      const first = k.add(row, k.sub(k.mul(o, stride), padding));
      b.for(0, size, (t) => visit(k.add(first, t)), { kind: size <= 8 ? "unroll" : "serial" });
    } else b.for(w.start(o), w.end(o), (i) => visit(k.add(row, i)));
  };
  from(0, constant("i32", 0));
}

/** The largest element of each window, and its position in the plane: the first one where several are equal. */
export function emitMaxPool(b: KernelContext, x: Ref, out: OutRef, mask: OutRef, windows: readonly Windows[]): void {
  const axes = windows.length;
  const extents = extentsOf(x, 2, axes);
  const [size, results] = [product(extents), extentsOf(out, 2, axes)];
  eachElement(b, out, windows, extents.at(-1)!, (plane, index, whole) => {
    const best = b.variable(identityOf("max", out.type), "best");
    const first = linear(
      index.map((o, axis) => windows[axis]!.start(o)),
      extents,
    );
    const place = b.variable(first, "place");
    const base = k.mul(plane, size);
    eachOfWindow(b, extents, windows, index, whole, (position) => {
      const value = b.let(x.flat(k.add(base, position)), "value");
      const more = k.gt(value, best.value);
      b.set(place, k.select(more, position, place.value));
      b.set(best, k.select(more, value, best.value));
    });
    const at = k.add(k.mul(plane, product(results)), linear(index, results));
    out.setFlat(at, best.value);
    mask.setFlat(at, place.value);
  });
}

/** What sums of windows are divided by. */
export type Divisor = "window" | "none";

const divisorOf = (windows: readonly Windows[], index: readonly Expr[], type: Ref["type"]): Expr =>
  k.cast(product(index.map((o, axis) => windows[axis]!.count(o))), type);

/** Averages or sums of windows. */
export function emitAveragePool(
  b: KernelContext,
  x: Ref,
  out: OutRef,
  windows: readonly Windows[],
  divisor: Divisor,
): void {
  const axes = windows.length;
  const extents = extentsOf(x, 2, axes);
  const size = product(extents);
  const shape = [out.extent(0), out.extent(1)];
  eachElement(b, out, windows, extents.at(-1)!, (plane, index, whole) => {
    const sum = b.variable(constant(out.type, 0), "sum");
    const base = k.mul(plane, size);
    eachOfWindow(b, extents, windows, index, whole, (position) =>
      b.set(sum, k.add(sum.value, x.flat(k.add(base, position)))),
    );
    const value = divisor === "none" ? sum.value : k.div(sum.value, divisorOf(windows, index, out.type));
    out.set([...coordinates(b, plane, shape), ...index], value);
  });
}

/** The gradient of {@link emitAveragePool}: each element of `d` spread over its window. */
export function emitAveragePoolGrad(
  b: KernelContext,
  d: Ref,
  out: OutRef,
  windows: readonly Windows[],
  divisor: Divisor,
): void {
  const axes = windows.length;
  const [extents, results] = [extentsOf(out, 2, axes), extentsOf(d, 2, axes)];
  const [size, count] = [product(extents), product(results)];
  const last = windows.at(-1)!;
  const zero = constant(out.type, 0);
  b.parallel(k.mul(d.extent(0), d.extent(1)), (plane) => {
    const base = b.let(k.mul(plane, size), "base");
    b.lanes(0, size, (i) => out.setFlat(k.add(base, i), zero));
    const add = (at: Expr, value: Expr): void => out.setFlat(at, k.add(out.getFlat(at), value));
    const share = (index: readonly Expr[]): Expr => {
      const value = d.flat(k.add(k.mul(plane, count), linear(index, results)));
      return divisor === "none" ? value : k.div(value, divisorOf(windows, index, out.type));
    };
    const spread = (index: readonly Expr[], row: Expr): void => {
      const width = results.at(-1)!;
      if (!last.even || last.even.size > 8) {
        b.for(0, width, (o) => {
          const value = b.let(share([...index, o]), "value");
          b.lanes(last.start(o), last.end(o), (i) => add(k.add(row, i), value));
        });
        return;
      }
      // One element of all windows at a time: no two windows share it.
      const { size: taps, stride, padding } = last.even;
      for (let t = 0; t < taps; t++) {
        const low = Math.max(0, Math.ceil((padding - t) / stride));
        const room = k.add(k.sub(extents.at(-1)!, 1), padding - t);
        const high = k.select(k.lt(room, 0), 0, k.add(k.divIndex(k.max(room, 0), stride), 1));
        const to = b.let(k.min(width, high), "to");
        b.lanes(constant("i32", low), to, (o) =>
          add(k.add(row, k.add(k.mul(o, stride), t - padding)), share([...index, o])),
        );
      }
    };
    const outer = results.slice(0, -1);
    b.for(0, product(outer), (r) => {
      const index = coordinates(b, r, outer);
      const from = (axis: number, at: Expr): void => {
        const w = windows[axis]!;
        const row = k.mul(at, extents[axis]!);
        if (axis === axes - 1) spread(index, b.let(k.add(base, row), "row"));
        else b.for(w.start(index[axis]!), w.end(index[axis]!), (i) => from(axis + 1, k.add(row, i)));
      };
      from(0, constant("i32", 0));
    });
  });
}

/** A position as one inside the plane: operands of users may hold any number. */
const inside = (position: Expr, size: Expr): Expr => k.max(k.min(k.cast(position, "i32"), k.sub(size, 1)), 0);

/** `out[plane, mask[plane, i]] = x[plane, i]`, added up or the last one kept, zeros elsewhere; axes from the third are the plane. */
export function emitUnpool(b: KernelContext, x: Ref, mask: Ref, out: OutRef, add: boolean): void {
  const size = product(extentsOf(out, 2, out.rank - 2));
  const count = product(extentsOf(x, 2, x.rank - 2));
  const zero = constant(out.type, 0);
  b.parallel(k.mul(x.extent(0), x.extent(1)), (plane) => {
    const base = b.let(k.mul(plane, size), "base");
    const from = b.let(k.mul(plane, count), "from");
    b.lanes(0, size, (i) => out.setFlat(k.add(base, i), zero));
    b.for(0, count, (i) => {
      const at = b.let(k.add(base, inside(mask.flat(k.add(from, i)), size)), "at");
      const value = x.flat(k.add(from, i));
      out.setFlat(at, add ? k.add(out.getFlat(at), value) : value);
    });
  });
}

/** `out[plane, i] = x[plane, mask[plane, i]]`: the gradient of {@link emitUnpool}. */
export function emitPick(b: KernelContext, x: Ref, mask: Ref, out: OutRef): void {
  const size = product(extentsOf(x, 2, x.rank - 2));
  const extents = extentsOf(out, 2, out.rank - 2);
  const count = product(extents);
  b.parallel(k.mul(out.extent(0), out.extent(1)), (plane) => {
    const base = b.let(k.mul(plane, size), "base");
    const from = b.let(k.mul(plane, count), "from");
    b.lanes(0, count, (i) => {
      const at = k.add(from, i);
      out.setFlat(at, x.flat(k.add(base, inside(mask.flat(at), size))));
    });
  });
}
