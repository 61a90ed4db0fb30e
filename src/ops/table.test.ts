// The op table test: every record on every target, eager and compiled, fused and not, with gradients by central differences.

import { describe, expect, test } from "vitest";
import { dtypes, isFloat } from "../core/dtype.js";
import type { NdArray } from "../core/nd-array.js";
import { sizeOf } from "../core/shape.js";
import { Engine, withEngine } from "../device/engine.js";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { createNativeTarget } from "../device/native-node.js";
import { platform } from "../device/platform-node.js";
import type { Target } from "../device/target.js";
import { createWasmTarget } from "../device/wasm-target.js";
import type { GraphValue } from "../fuse/body.js";
import { kernelText } from "../kernel/print.js";
import type { Kernel } from "../kernel/stmt.js";
import { Executable } from "../program/executable.js";
import type { Plain } from "../program/op.js";
import type { Value } from "../program/value.js";
import { assemble } from "../tensor/assemble.js";
import { type Argument, bind, inferCall } from "../trace/bind.js";
import { fromArray, readArray, runHostNode, toArray, writeArray } from "../trace/eager.js";
import { GraphBuilder } from "../trace/lower.js";
import { walk, withGrad } from "../trace/tape.js";
import { allOps } from "./registry.js";
import { casesOf, difference, numbers, plainOf, type TableCase, tolerance } from "./table.test-util.js";

assemble();

/** An engine whose target also notes every kernel it is given. */
function recordingEngine(make: (heap: Heap) => Target): { engine: Engine; kernels: Kernel[] } {
  const kernels: Kernel[] = [];
  const engine = new Engine(platform, new Heap(), (heap) => {
    const inner = make(heap);
    const compile = inner.compile.bind(inner);
    inner.compile = (list) => {
      kernels.push(...list);
      return compile(list);
    };
    return inner;
  });
  return { engine, kernels };
}

const { engine: interp } = recordingEngine(interpTarget);
const { engine: wasm, kernels: seen } = recordingEngine((heap) => createWasmTarget(heap));
const native = new Engine(platform, new Heap(), (heap) => {
  const { target, reason } = createNativeTarget(heap);
  if (!target) throw new Error(reason.message);
  return target;
});

const values = (c: TableCase): (Value | undefined)[] => c.operands.map((a) => a && fromArray(a));

function arguments_(c: TableCase, list: readonly (Value | undefined)[]): Argument[] {
  const fixed = c.op.inputs.findIndex((n) => n.endsWith("*"));
  return fixed < 0 ? [...list] : [...list.slice(0, fixed), list.slice(fixed) as Value[]];
}

const runEager = (on: Engine, c: TableCase): NdArray[] =>
  withEngine(on, () => bind(c.op, arguments_(c, values(c)), c.attrs).map(toArray));

function runCompiled(on: Engine, c: TableCase, fuse: boolean): NdArray[] {
  return withEngine(on, () => {
    const builder = new GraphBuilder();
    const inputs = c.operands.map((a) => a && builder.input(a));
    const outputs = builder.add(c.op, inputs, c.attrs);
    const given = inputs.filter((v) => v !== undefined);
    const executable = new Executable(
      on,
      builder.graph(outputs),
      builder.values,
      new Set([...given, ...outputs]),
      runHostNode,
      on.primary,
      { fuse },
    );
    const held: number[] = [];
    const place = (v: GraphValue): number => {
      const address = on.heap.alloc(Math.max(64, sizeOf(v.shape) * dtypes[v.dtype].bytes));
      held.push(address);
      executable.bind(v.id, address);
      return address;
    };
    inputs.forEach((v, i) => {
      if (v) writeArray(on, c.operands[i]!, place(v));
    });
    const roots = new Map<number, number>();
    for (const v of given) roots.set(v.id, held[given.indexOf(v)]!);
    const at = outputs.map((v) => {
      const root = executable.rootOf(v.id);
      const known = roots.get(root) ?? place(builder.values[root]!);
      roots.set(root, known);
      return known;
    });
    executable.run();
    const out = outputs.map((v, i) => readArray(on, v.dtype, v.shape, at[i]!));
    for (const address of held) on.heap.free(address);
    executable.dispose();
    return out;
  });
}

/** Ops some kernel of which rounds by `fma`, the one thing in which targets may differ; all others agree bit for bit. */
const fused = new Set<string>();

/** Runs on WebAssembly and notes whether a kernel made for it uses fma. */
function runWasm(c: TableCase): NdArray[] {
  const before = seen.length;
  const out = runEager(wasm, c);
  if (seen.slice(before).some((kernel) => /\bfma\(/.test(kernelText(kernel)))) fused.add(c.op.name);
  return out;
}

function sameBits(got: readonly NdArray[], want: readonly Plain[], c: TableCase, what: string): void {
  same(got, want, c, what, fused.has(c.op.name) ? undefined : [0, 0]);
}

function same(
  got: readonly NdArray[],
  want: readonly Plain[],
  c: TableCase,
  what: string,
  within?: readonly [number, number],
): void {
  got.forEach((g, i) => {
    const w = want[i];
    if (!w) return;
    const found = difference(plainOf(g), w, within ?? tolerance[g.dtype]);
    if (found) throw new Error(`${c.op.name}, ${c.name}: ${what}, output ${c.op.outputs[i]}: ${found}`);
  });
}

/** Directional derivative of Σ out·cotangent in float64, by central differences and by the op's rule. */
function checkGradient(c: TableCase): void {
  withEngine(wasm, () => {
    const next = numbers(99);
    const xs = values(c);
    const moves = c.operands.map((a) =>
      a && isFloat(a.dtype) ? Float64Array.from({ length: a.data.length }, () => next() - 0.5) : undefined,
    );
    for (const [i, x] of xs.entries())
      if (x && moves[i] && !c.op.ghosts.includes(c.op.inputs[i] ?? "")) x.stopGradient = false;
    const outs = bind(c.op, arguments_(c, xs), c.attrs);
    const flowing = outs.filter((o) => !o.stopGradient && isFloat(o.dtype));
    if (flowing.length === 0) return;
    const cotangents = flowing.map((o) =>
      fromArray({
        dtype: o.dtype,
        shape: o.shape,
        data: Float64Array.from({ length: sizeOf(o.shape) }, () => next() - 0.5),
      }),
    );
    const wanted = xs.filter((x): x is Value => x !== undefined && !x.stopGradient);
    const grads = walk(flowing, cotangents, { retainGraph: false, createGraph: false, inputs: wanted });
    const analytic = xs.reduce((sum, x, i) => {
      const g = x && grads.get(x);
      return g ? sum + dot(toArray(g).data as Float64Array, moves[i]!) : sum;
    }, 0);
    const h = 1e-5;
    const at = (sign: number): number => {
      const moved = c.operands.map(
        (a, i) =>
          a &&
          (moves[i] && !xs[i]!.stopGradient
            ? { ...a, data: (a.data as Float64Array).map((v, j) => v + sign * h * moves[i]![j]!) }
            : a),
      );
      const results = withGrad(false, () =>
        bind(
          c.op,
          arguments_(
            c,
            moved.map((a) => a && fromArray(a)),
          ),
          c.attrs,
        ),
      );
      return flowing.reduce(
        (sum, o, i) =>
          sum +
          dot(toArray(results[outs.indexOf(o)]!).data as Float64Array, toArray(cotangents[i]!).data as Float64Array),
        0,
      );
    };
    const numeric = (at(1) - at(-1)) / (2 * h);
    expect(
      Math.abs(analytic - numeric),
      `${c.op.name}, ${c.name}: gradient ${analytic}, by differences ${numeric}`,
    ).toBeLessThanOrEqual(1e-6 + 1e-5 * Math.abs(numeric));
  });
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((s, v, i) => s + v * b[i]!, 0);

/** Ops that draw from the random stream have tests of their own, against recorded streams. */
const tabled = allOps.filter((op) => !op.random);

describe("op table", () => {
  test("every op is checked, and names are unique", () => {
    expect(tabled.filter((op) => casesOf(op).length === 0).map((op) => op.name)).toEqual([]);
    const names = allOps.map((op) => op.name);
    expect(names.filter((n, i) => names.indexOf(n) !== i)).toEqual([]);
  });

  describe.each(tabled.map((op) => [op.name, op] as const))("%s", (_, op) => {
    const cases = casesOf(op);

    test("value, inferred type, eager = fused = unfused, wasm = interp", () => {
      for (const c of cases) {
        const got = runEager(interp, c);
        const { outs } = inferCall(op, c.operands, c.attrs);
        expect(
          got.map((g) => ({ shape: g.shape, dtype: g.dtype })),
          `${op.name}, ${c.name}`,
        ).toEqual(op.outputs.map((name) => ({ shape: [...outs[name]!.shape], dtype: outs[name]!.dtype })));
        if (c.expected) same(got, c.expected, c, "interp against the formula");
        const want = got.map(plainOf);
        sameBits(runWasm(c), want, c, "wasm against interp");
        same(runCompiled(wasm, c, true), want, c, "fused against eager");
        if (op.body.form === "compose") same(runCompiled(wasm, c, false), want, c, "unfused against eager");
      }
    });

    const smooth = op.grad !== null && op.grad !== "refused" && op.check.noGradCheck === undefined;
    if (smooth) {
      test("gradient by central differences", () => {
        for (const c of cases) if (c.grad && c.operands.some((a) => a?.dtype === "float64")) checkGradient(c);
      });
    }
  });

  test("native = interp for every kernel seen", () => {
    for (let i = 0; i < seen.length; i += 64) native.compile(seen.slice(i, i + 64));
    for (const op of tabled) {
      for (const c of casesOf(op))
        sameBits(runEager(native, c), runEager(interp, c).map(plainOf), c, "native against interp");
    }
  }, 900_000);
});
