// Convolutions and their gradients against plain loops, on every target, with run-time and constant sizes.

import { describe, expect, test } from "vitest";
import type { NdArray } from "../core/nd-array.js";
import { type Shape, sizeOf } from "../core/shape.js";
import { Engine, withEngine } from "../device/engine.js";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { createNativeTarget } from "../device/native-node.js";
import { platform } from "../device/platform-node.js";
import { createWasmTarget } from "../device/wasm-target.js";
import type { GraphValue } from "../fuse/body.js";
import { Executable } from "../program/executable.js";
import type { OpRecord, Plain } from "../program/op.js";
import { assemble } from "../tensor/assemble.js";
import { bind } from "../trace/bind.js";
import { fromArray, readArray, runHostNode, toArray, writeArray } from "../trace/eager.js";
import { GraphBuilder } from "../trace/lower.js";
import { addOp, multiplyOp } from "./arithmetic.js";
import { maximumOp } from "./comparison.js";
import {
  type ConvSettings,
  conv2dFilterGradOp,
  conv2dOp,
  conv2dTransposeOp,
  conv3dFilterGradOp,
  conv3dOp,
  conv3dTransposeOp,
  convExtent,
} from "./convolution.js";
import { plainConv, plainFilterGrad, plainTransposed } from "./convolution.test-util.js";
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

function filled(shape: Shape, dtype: "float32" | "float64", next: () => number): NdArray {
  const data = Array.from({ length: sizeOf(shape) }, () => next() - 0.5);
  return { dtype, shape, data: dtype === "float32" ? Float32Array.from(data) : Float64Array.from(data) };
}

interface Case extends ConvSettings {
  readonly winograd?: boolean;
  readonly x: Shape;
  readonly w: Shape;
}

/** One that runs by Winograd's transforms. */
const tiled = (x: Shape, w: Shape, padding: readonly number[]): Case => ({ ...flat(x, w, 1, padding), winograd: true });

const flat = (x: Shape, w: Shape, stride: number, padding: readonly number[], dilation = 1, groups = 1): Case => ({
  x,
  w,
  strides: w.slice(2).map(() => stride),
  paddings: w
    .slice(2)
    .flatMap((_, i) => (padding.length === 1 ? [padding[0]!, padding[0]!] : padding.slice(2 * i, 2 * i + 2))),
  dilations: w.slice(2).map(() => dilation),
  groups,
});

/** Rows few and many; widths below, at and above a vector; columns of panels that span images. */
const cases: readonly Case[] = [
  flat([2, 3, 9, 20], [5, 3, 3, 3], 1, [1]),
  flat([3, 4, 6, 6], [20, 4, 3, 3], 1, [1]),
  flat([2, 4, 5, 33], [18, 4, 3, 2], 1, [0, 2, 1, 0]),
  flat([2, 6, 9, 8], [40, 3, 3, 3], 2, [1], 1, 2),
  flat([1, 4, 12, 11], [24, 4, 2, 3], 3, [2, 1, 0, 2], 2),
  flat([1, 2, 12, 11], [3, 2, 3, 3], 2, [2], 2),
  flat([2, 20, 4, 4], [17, 20, 1, 1], 2, [0]),
  flat([2, 6, 7, 17], [6, 1, 3, 3], 1, [1], 1, 6),
  flat([2, 3, 7, 9], [6, 1, 3, 3], 2, [1], 1, 3),
  flat([70, 1, 1, 5], [2, 1, 1, 3], 1, [0, 0, 1, 1]),
  flat([1, 2, 5, 6, 7], [3, 2, 3, 3, 3], 2, [1]),
  flat([2, 17, 3, 4, 5], [18, 17, 2, 2, 2], 1, [1]),
  // Whole tiles in rows of all lengths, and tiles cut at both ends; channels below, at and above a vector and a chunk.
  tiled([2, 32, 8, 8], [32, 32, 3, 3], [1]),
  tiled([33, 5, 4, 4], [40, 5, 3, 3], [1]),
  tiled([2, 70, 5, 18], [7, 70, 3, 3], [2, 0, 1, 1]),
  tiled([1, 16, 37, 3], [66, 16, 3, 3], [0, 1, 2, 2]),
];

function compare(
  name: keyof typeof engines,
  op: OpRecord,
  operands: readonly (NdArray | undefined)[],
  attrs: object,
  want: Plain,
): void {
  const got = withEngine(engines[name], () =>
    toArray(
      bind(
        op,
        operands.map((a) => a && fromArray(a)),
        attrs as Record<string, unknown>,
      )[0]!,
    ),
  );
  const tolerance = got.dtype === "float32" ? ([2e-5, 2e-5] as const) : ([1e-12, 1e-12] as const);
  expect(difference(plainOf(got), want, tolerance), name).toBeUndefined();
}

const few = (rows: number): number => (rows <= 16 ? rows : 0);

describe.each(["interp", "wasm", "native"] as const)("%s", (name) => {
  test.each(cases.map((c) => [`${c.x} by ${c.w} stride ${c.strides[0]} groups ${c.groups}`, c] as const))(
    "%s",
    (_, c) => {
      const { x: xs, w: ws, winograd = false, ...given } = c;
      const settings = { ...given, winograd };
      const outs = [xs[0]!, ws[0]!, ...xs.slice(2).map((n, i) => convExtent(n, ws[2 + i]!, c, i))];
      const [conv, transposed, filter] =
        ws.length === 4
          ? [conv2dOp, conv2dTransposeOp, conv2dFilterGradOp]
          : [conv3dOp, conv3dTransposeOp, conv3dFilterGradOp];
      for (const dtype of ["float32", "float64"] as const) {
        if (name === "interp" && dtype === "float64") continue;
        const next = numbers(sizeOf(xs) + sizeOf(ws));
        const [x, w, bias, d] = [xs, ws, [ws[0]!], outs].map((s) => filled(s, dtype, next)) as [
          NdArray,
          NdArray,
          NdArray,
          NdArray,
        ];
        const [px, pw, pb, pd] = [x, w, bias, d].map(plainOf) as [Plain, Plain, Plain, Plain];
        const rows = ws[0]! / c.groups;
        compare(name, conv, [x, w, bias, undefined], { ...settings, few: few(rows) }, plainConv(px, pw, pb, outs, c));
        const like = { ...settings, few: few(ws[1]!), more: [] };
        compare(name, transposed, [d, w, undefined, x], like, plainTransposed(pd, pw, undefined, xs, c));
        compare(name, filter, [x, d, w], { ...settings, few: few(rows) }, plainFilterGrad(px, pd, ws, c));
      }
    },
  );
});

const plainSettings = { strides: [1, 1], paddings: [1, 1, 1, 1], dilations: [1, 1], groups: 1 };

/** A convolution with a residual and ReLU as one compiled Program; `threads` native threads. */
function fusedBits(shape: Shape, weights: Shape, threads: number): { data: Float32Array; nests: number } {
  const engine = new Engine(platform, new Heap(), (heap) => {
    const { target, reason } = createNativeTarget(heap, { threads });
    if (!target) throw new Error(reason.message);
    return target;
  });
  return withEngine(engine, () => {
    const next = numbers(7);
    const builder = new GraphBuilder();
    const out = [shape[0]!, weights[0]!, shape[2]!, shape[3]!];
    const arrays = [shape, weights, [weights[0]!], out].map((s) => filled(s, "float32", next));
    const [x, w, bias, rest] = arrays.map((a) => builder.input(a)) as [GraphValue, GraphValue, GraphValue, GraphValue];
    const settings = { ...plainSettings, few: few(weights[0]!), winograd: weights[0]! >= 32 };
    let [y] = builder.add(conv2dOp, [x, w, bias, undefined], settings);
    [y] = builder.add(addOp, [y, rest], {});
    [y] = builder.add(maximumOp, [y, 0], {});
    const { data, nests } = runCompiled(engine, builder, arrays, [x, w, bias, rest], y!);
    return { data: data as Float32Array, nests };
  });
}

/** What an op makes as a compiled Program, where all sizes are constants. */
function compiledBits(
  engine: Engine,
  op: OpRecord,
  operands: readonly (NdArray | undefined)[],
  attrs: Readonly<Record<string, unknown>>,
): NdArray["data"] {
  return withEngine(engine, () => {
    const builder = new GraphBuilder();
    const inputs = operands.map((a) => a && builder.input(a));
    const [y] = builder.add(op, inputs, attrs);
    return runCompiled(engine, builder, operands, inputs, y!).data;
  });
}

/** Runs a Program of arrays to one result as compiled. */
function runCompiled(
  engine: Engine,
  builder: GraphBuilder,
  operands: readonly (NdArray | undefined)[],
  inputs: readonly (GraphValue | undefined)[],
  y: GraphValue,
): { data: NdArray["data"]; nests: number } {
  const given = inputs.filter((v) => v !== undefined);
  const graph = builder.graph([y]);
  const executable = new Executable(engine, graph, builder.values, new Set([...given, y]), runHostNode);
  operands.forEach((a, i) => {
    if (!a) return;
    const address = engine.heap.alloc(a.data.byteLength);
    writeArray(engine, a, address);
    executable.bind(inputs[i]!.id, address);
  });
  const address = engine.heap.alloc(sizeOf(y.shape) * 4);
  executable.bind(y.id, address);
  executable.run();
  return { data: readArray(engine, "float32", y.shape, address).data, nests: executable.nests.length };
}

describe("compiled", () => {
  test.each([
    [
      [4, 20, 16, 16],
      [24, 20, 3, 3],
    ],
    [
      [8, 3, 28, 28],
      [6, 3, 3, 3],
    ],
    [
      [3, 40, 16, 10],
      [100, 40, 3, 3],
    ],
    [
      [5, 70, 4, 4],
      [33, 70, 3, 3],
    ],
  ] as const)("%s by %s: the same bits for any number of threads, residual and ReLU in the same kernel", (x, w) => {
    const next = numbers(7);
    const out = [x[0], w[0], x[2], x[3]];
    const [px, pw, pb, pr] = [x, w, [w[0]], out].map((s) => plainOf(filled(s, "float32", next))) as [
      Plain,
      Plain,
      Plain,
      Plain,
    ];
    const want = plainConv(px, pw, pb, out, plainSettings).data.map((v, i) => Math.max(0, v + pr.data[i]!));
    const one = fusedBits(x, w, 1);
    expect(
      difference({ shape: out, data: Array.from(one.data) }, { shape: out, data: want }, [2e-5, 2e-5]),
    ).toBeUndefined();
    expect(one.nests).toBe(1);
    expect(fusedBits(x, w, 2).data).toEqual(one.data);
    expect(fusedBits(x, w, 3).data).toEqual(one.data);
  });

  test("a transpose with strides, scaled by channel and added to, in one nest", () => {
    const [x, w, out] = [
      [2, 20, 5, 7],
      [20, 18, 3, 3],
      [2, 18, 10, 13],
    ] as const;
    const next = numbers(5);
    const arrays = [x, w, out, [1, 18, 1, 1]].map((s) => filled(s, "float32", next));
    const settings = { ...plainSettings, strides: [2, 2] };
    const engine = engines.native;
    const got = withEngine(engine, () => {
      const builder = new GraphBuilder();
      const inputs = arrays.map((a) => builder.input(a)) as [GraphValue, GraphValue, GraphValue, GraphValue];
      const attrs = { ...settings, few: 0, winograd: false, more: [] };
      let [y] = builder.add(conv2dTransposeOp, [inputs[0], inputs[1], undefined, inputs[2]], attrs);
      [y] = builder.add(multiplyOp, [y, inputs[3]], {});
      [y] = builder.add(addOp, [y, inputs[2]], {});
      return runCompiled(engine, builder, arrays, inputs, y!);
    });
    const [px, pw, pr, ps] = arrays.map(plainOf) as [Plain, Plain, Plain, Plain];
    const plain = plainTransposed(px, pw, undefined, out, settings).data;
    const want = plain.map((v, i) => v * ps.data[Math.floor(i / 130) % 18]! + pr.data[i]!);
    expect(got.nests).toBe(1);
    const data = Array.from(got.data as Float32Array);
    expect(difference({ shape: out, data }, { shape: out, data: want }, [2e-5, 2e-5])).toBeUndefined();
  });

  test.each([
    [
      [4, 40, 16, 10],
      [100, 40, 3, 3],
    ],
    [
      [5, 70, 4, 4],
      [33, 70, 3, 3],
    ],
    [
      [1, 130, 8, 8],
      [130, 130, 3, 3],
    ],
  ] as const)("%s by %s: transformed gradients have the bits of run-time sizes", (x, w) => {
    const next = numbers(9);
    const settings = { ...plainSettings, few: 0, winograd: true };
    const [xs, ws, ds] = [x, w, [x[0], w[0], x[2], x[3]]].map((s) => filled(s, "float32", next));
    const runs = [
      [conv2dFilterGradOp, [xs, ds, ws], settings],
      [conv2dTransposeOp, [ds, ws, undefined, xs], { ...settings, more: [] }],
    ] as const;
    for (const [op, operands, attrs] of runs) {
      const eager = withEngine(engines.native, () =>
        toArray(
          bind(
            op,
            operands.map((a) => a && fromArray(a)),
            attrs,
          )[0]!,
        ),
      );
      expect(compiledBits(engines.native, op, operands, attrs)).toEqual(eager.data);
    }
  });
});
