// The C renderer against the interpreter: random expressions, scalar and vector, bit for bit; and what literals it writes.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { createNativeTarget } from "../device/native-node.js";
import type { Target } from "../device/target.js";
import {
  Buf,
  binary,
  cast,
  constant,
  type Expr,
  fma,
  type KType,
  load,
  type MemType,
  memBytes,
  read,
  splat,
  Var,
} from "../kernel/expr.js";
import { printStatement } from "../kernel/print.js";
import type { Combine, Kernel, Stmt } from "../kernel/stmt.js";
import { renderC } from "./c.js";
import { literal } from "./c-types.js";
import { fillInputs, Grower, generator, inputs, N, type NumberType } from "./random-expr.test-util.js";

const cache = mkdtempSync(join(tmpdir(), "oar-test-"));
const heap = new Heap();
const interp = interpTarget(heap);

/** Compilers to test with: this processor's registers, and narrower ones where the compiler can be told so. */
const compilers: readonly (readonly [label: string, cc: string | undefined])[] = [
  ["this processor", undefined],
  ...(process.arch === "x64"
    ? ([
        ["32-byte registers", "cc -mno-avx512f"],
        ["16-byte registers", "cc -mno-avx"],
      ] as const)
    : []),
];
const targets = compilers.map(([label, cc]) => {
  const made = createNativeTarget(heap, {
    env: { ...process.env, OAR_CACHE: cache, ...(cc && { OAR_CC: cc }) },
    threads: 1,
  });
  return { label, target: made.target };
});

afterAll(() => {
  for (const { target } of targets) target?.close();
  rmSync(cache, { recursive: true, force: true });
});

const addresses = fillInputs(heap);

const kernelOf = (outs: readonly Buf[], body: readonly Stmt[]): Kernel => ({
  name: "k",
  buffers: [...Object.values(inputs), ...outs],
  scalars: [],
  scratch: [],
  scratchSlot: -1,
  block: new Var("block", "i32"),
  blocks: constant("i32", 1),
  body,
});

/** `out[i] = expr(i)` for all i, `lanes` at a time. */
function mapKernel(mem: MemType, lanes: number, expr: (i: Expr) => Expr): Kernel {
  const out = new Buf("out", mem, 4);
  const v = new Var("i", "i32");
  const store: Stmt = { s: "store", buf: out, index: read(v), value: expr(read(v)), stream: lanes === 16 };
  return kernelOf(
    [out],
    [{ s: "for", v, from: constant("i32", 0), to: constant("i32", N), step: lanes, kind: "serial", body: [store] }],
  );
}

/** Runs kernels with the output in slot 4; gives the elements as text, which tells -0 from 0 and all else but the bits of NaN. */
function outputs(target: Target, kernels: readonly Kernel[]): string[][] {
  return target.compile(kernels).map((compiled, n) => {
    const mem = kernels[n]!.buffers[4]!.mem;
    const out = heap.alloc(N * memBytes[mem]);
    const args = heap.alloc(64);
    [...addresses, out].forEach((a, slot) => {
      heap.views.u32[args / 4 + slot * 2] = a;
    });
    heap.views.u8.fill(0, out, out + N * memBytes[mem]);
    compiled.run(args, 0, 1, 0);
    const view = heap.views[mem].subarray(out / memBytes[mem], out / memBytes[mem] + N);
    const words = Array.from(view as ArrayLike<number | bigint>, (x) => (Object.is(x, -0) ? "-0" : String(x)));
    heap.free(out);
    heap.free(args);
    return words;
  });
}

function expectEqual(target: Target, kernels: readonly Kernel[]): void {
  const want = outputs(interp, kernels);
  const got = outputs(target, kernels);
  kernels.forEach((kernel, n) => {
    expect(got[n], kernel.body.map(printStatement).join("\n")).toEqual(want[n]);
  });
}

const outputTypes: readonly KType[] = ["f32", "f64", "i32", "i64", "m32", "m64"];

function randomKernels(seed: number, count: number, lanes: number, depth: number): Kernel[] {
  const next = generator(seed);
  return Array.from({ length: count }, (_, n) => {
    const type = outputTypes[n % outputTypes.length]!;
    const mem = type.startsWith("m") ? "i32" : (type as NumberType);
    return mapKernel(mem, lanes, (i) => {
      const e = new Grower(next, i, lanes).grow(type, depth);
      return type.startsWith("m") ? cast(e, "i32") : e;
    });
  });
}

for (const { label, target } of targets) {
  describe.skipIf(!target)(`C for ${label} against the interpreter`, () => {
    const native = target as Target;

    it.each([
      [1, 3],
      [4, 3],
      [16, 3],
      [16, 5],
    ])("computes random expressions of %i lanes, depth %i, bit for bit", (lanes, depth) => {
      expectEqual(native, randomKernels(lanes * 100 + depth, depth > 3 ? 12 : 36, lanes, depth));
    });

    it("widens loads from and narrows stores to small memory types", () => {
      const small = ["i8", "u8", "i16", "u16"] as const;
      const kernels = small.flatMap((mem) =>
        [1, 4, 16].flatMap((lanes) => [
          mapKernel(mem, lanes, (i) => load(inputs.i32, i, lanes)),
          mapKernel("i32", lanes, (i) => load(new Buf("bytes", mem, 3), i, lanes)),
        ]),
      );
      const declared = kernels.map((k) => ({ ...k, buffers: withLoads(k) }));
      expectEqual(native, declared);
    });

    it("scatters in order, and accumulates with NaN winning", () => {
      const out = new Buf("out", "f64", 4);
      const i = new Var("i", "i32");
      const x = load(inputs.f64, read(i), 16);
      const at = binary("and", load(inputs.i32, read(i), 16), splat(constant("i32", N - 1), 16));
      const scatter: Stmt = { s: "store", buf: out, index: at, value: x, stream: false };
      const reduction = (combine: Combine, lanes: number): Stmt[] => {
        const v = new Var("acc", "f32", lanes);
        const value = load(inputs.f32, read(i), lanes);
        const start = splat(constant("f32", combine === "mul" ? 1 : 0), lanes);
        return [
          { s: "let", v, value: start, mutable: true },
          { ...loopOver(i, lanes), body: [{ s: "accumulate", v, combine, value }] },
          {
            s: "store",
            buf: new Buf("out", "f64", 4),
            index: constant("i32", 0),
            value: cast(read(v), "f64"),
            stream: false,
          },
        ];
      };
      const reductions = (["add", "mul", "min", "max"] as const).flatMap((c) => [reduction(c, 1), reduction(c, 16)]);
      const kernels = reductions.map((body) => {
        const stored = body[2] as Stmt & { s: "store" };
        return kernelOf([stored.buf], body);
      });
      expectEqual(native, [kernelOf([out], [{ ...loopOver(i, 16), body: [scatter] }]), ...kernels]);
    });

    it("rounds fma once or twice", () => {
      const [x, y, z] = [0.1, 1 / 3, -1 / 30].map(Math.fround) as [number, number, number];
      const kernels = [1, 16].map((lanes) =>
        mapKernel("f32", lanes, () =>
          fma(...([x, y, z].map((v) => splat(constant("f32", v), lanes)) as [Expr, Expr, Expr])),
        ),
      );
      // The product of two floats is exact in a double, and so is the sum here: one rounding, or two.
      const allowed = [Math.fround(x * y + z), Math.fround(Math.fround(x * y) + z)].map(String);
      for (const words of outputs(native, kernels)) for (const word of words) expect(allowed).toContain(word);
    });
  });
}

function loopOver(v: Var, step: number): Stmt & { s: "for" } {
  return { s: "for", v, from: constant("i32", 0), to: constant("i32", N), step, kind: "serial", body: [] };
}

/** The kernel's buffers with the small one that it loads from in place of the i64 input, whose memory it reads. */
function withLoads(kernel: Kernel): Buf[] {
  const loop = kernel.body[0] as Stmt & { s: "for" };
  const stored = loop.body[0] as Stmt & { s: "store" };
  const source = stored.value.value as Buf;
  return kernel.buffers.map((b) => (b.slot === source.slot ? source : b));
}

describe("literals in C", () => {
  it("are exact", () => {
    expect(literal("f32", Math.fround(0.1))).toBe("0.100000001f");
    expect(literal("f64", 0.1)).toBe("0.1");
    expect(literal("f32", 1)).toBe("1.0f");
    expect(literal("f32", -0)).toBe("(-0.0f)");
    expect(literal("f64", 1e21)).toBe("1e+21");
    expect(literal("f32", -Infinity)).toBe("(-__builtin_inff())");
    expect(literal("f64", Number.NaN)).toBe('__builtin_nan("")');
    expect(literal("i32", -(2 ** 31))).toBe("(-2147483647 - 1)");
    expect(literal("i64", -(2n ** 63n))).toBe("(-9223372036854775807LL - 1)");
    expect(literal("i64", -5n)).toBe("(-5LL)");
    expect(literal("m32", true)).toBe("1");
  });
});

describe("the text of a nest", () => {
  it("is the same for equal kernels of other names, and splits long vectors", () => {
    const kernel = mapKernel("f32", 16, (i) => load(inputs.f32, i, 16));
    expect(renderC({ ...kernel, name: "other" }).text).toBe(renderC(kernel).text);
    expect(renderC(kernel, 64).text).not.toContain("f32x8");
    expect(renderC(kernel, 32).text).not.toContain("f32x16");
  });
});
