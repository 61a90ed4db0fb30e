// Pooling against plain loops, on every target.

import { describe, expect, test } from "vitest";
import type { Shape } from "../core/shape.js";
import { sizeOf } from "../core/shape.js";
import { Engine, withEngine } from "../device/engine.js";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { createNativeTarget } from "../device/native-node.js";
import { platform } from "../device/platform-node.js";
import { createWasmTarget } from "../device/wasm-target.js";
import type { Plain } from "../program/op.js";
import { assemble } from "../tensor/assemble.js";
import { fromArray, toArray } from "../trace/eager.js";
import { indices, positionOf } from "./convolution.test-util.js";
import { adaptiveMaxPool, maxPool } from "./pooling.js";
import { adaptiveAveragePool, averagePool } from "./pooling-average.js";
import { type PoolWindows, pooledExtent } from "./pooling-shapes.js";
import { difference, numbers, plainOf } from "./table.test-util.js";

assemble();

const engines = {
  interp: new Engine(platform, new Heap(), interpTarget),
  wasm: new Engine(platform, new Heap(), (heap) => createWasmTarget(heap)),
  native: new Engine(platform, new Heap(), (heap) => {
    const { target, reason } = createNativeTarget(heap);
    if (!target) throw new Error(reason.message);
    return target;
  }),
};

/** Every window's elements inside of the input, in order: positions in the plane. */
type WindowOf = (o: readonly number[]) => readonly (readonly [start: number, end: number])[];

function pool(x: Plain, shape: Shape, windowOf: WindowOf, count: (o: readonly number[], inside: number) => number) {
  const extents = x.shape.slice(2);
  const [max, mask, mean]: [number[], number[], number[]] = [[], [], []];
  for (const [n, c, ...o] of indices(shape)) {
    const plane = (n! * x.shape[1]! + c!) * sizeOf(extents);
    const ranges = windowOf(o);
    const at = [...indices(ranges.map(([a, b]) => b - a))].map((i) =>
      positionOf(
        extents,
        i.map((t, axis) => t + ranges[axis]![0]),
      ),
    );
    const values = at.map((p) => x.data[plane + p]!);
    const best = Math.max(...values);
    max.push(best);
    mask.push(at[values.indexOf(best)]!);
    mean.push(values.reduce((a, b) => a + b, 0) / count(o, values.length));
  }
  return { max: { shape, data: max }, mask: { shape, data: mask }, mean: { shape, data: mean } };
}

/** A sample whose elements are often equal, so that which maximum comes first matters. */
function sample(shape: Shape): { array: ReturnType<typeof toArray>; plain: Plain } {
  const next = numbers(sizeOf(shape));
  const array = {
    dtype: "float64" as const,
    shape,
    data: Float64Array.from({ length: sizeOf(shape) }, () => Math.floor(next() * 5) - 2),
  };
  return { array, plain: plainOf(array) };
}

interface Case {
  readonly shape: Shape;
  readonly windows: PoolWindows;
}

const even = (shape: Shape, size: number, stride: number, padding: number, ceil = false): readonly [string, Case] => {
  const axes = shape.length - 2;
  const repeat = (n: number, times = axes): number[] => new Array<number>(times).fill(n);
  const windows = { sizes: repeat(size), strides: repeat(stride), paddings: repeat(padding, 2 * axes), ceil };
  return [`${shape} windows ${size} by ${stride}, padding ${padding}${ceil ? ", ceil" : ""}`, { shape, windows }];
};

const cases = [
  even([2, 3, 8, 8], 2, 2, 0),
  even([1, 2, 5, 37], 3, 1, 1),
  even([2, 2, 9, 40], 3, 2, 1, true),
  even([1, 2, 6, 7], 20, 20, 0),
  even([1, 1, 30, 30], 11, 3, 5),
  even([1, 2, 4, 5, 6], 3, 2, 1, true),
];

describe.each(["interp", "wasm", "native"] as const)("%s", (name) => {
  const run = <T>(work: () => T): T => withEngine(engines[name], work);

  test.each(cases)("%s", (_, { shape, windows: w }) => {
    const { array, plain } = sample(shape);
    const extents = shape.slice(2);
    const out = [...shape.slice(0, 2), ...extents.map((n, i) => pooledExtent(n, i, w))];
    const first = (o: readonly number[], i: number): number => o[i]! * w.strides[i]! - w.paddings[2 * i]!;
    const windowOf: WindowOf = (o) =>
      extents.map((n, i) => [Math.max(0, first(o, i)), Math.min(n, first(o, i) + w.sizes[i]!)]);
    const covered = (o: readonly number[]): number =>
      extents.reduce((p, n, i) => {
        const end = Math.min(first(o, i) + w.sizes[i]!, n + w.paddings[2 * i]!);
        return p * (end - first(o, i));
      }, 1);
    const inside = pool(plain, out, windowOf, (_o, n) => n);
    const padded = pool(plain, out, windowOf, covered);
    run(() => {
      const x = fromArray(array);
      const [max, mask] = maxPool(x, w);
      expect(plainOf(toArray(max))).toEqual(inside.max);
      expect(plainOf(toArray(mask))).toEqual(inside.mask);
      const near = [1e-12, 1e-12] as const;
      expect(difference(plainOf(toArray(averagePool(x, w, true))), inside.mean, near)).toBeUndefined();
      expect(difference(plainOf(toArray(averagePool(x, w, false))), padded.mean, near)).toBeUndefined();
    });
  });

  test("adaptive windows", () => {
    for (const [shape, extents] of [
      [
        [2, 3, 7, 8],
        [3, 5],
      ],
      [
        [1, 2, 4, 5, 6],
        [1, 3, 6],
      ],
    ] as const) {
      const { array, plain } = sample(shape);
      const space = shape.slice(2);
      const windowOf: WindowOf = (o) =>
        space.map((n, i) => [Math.floor((o[i]! * n) / extents[i]!), Math.ceil(((o[i]! + 1) * n) / extents[i]!)]);
      const want = pool(plain, [...shape.slice(0, 2), ...extents], windowOf, (_o, n) => n);
      run(() => {
        const x = fromArray(array);
        const [max, mask] = adaptiveMaxPool(x, extents);
        expect(plainOf(toArray(max))).toEqual(want.max);
        expect(plainOf(toArray(mask))).toEqual(want.mask);
        const mean = plainOf(toArray(adaptiveAveragePool(x, extents)));
        expect(difference(mean, want.mean, [1e-12, 1e-12])).toBeUndefined();
      });
    }
  });
});
