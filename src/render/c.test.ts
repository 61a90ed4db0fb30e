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
  bitcast,
  cast,
  compare,
  constant,
  type Expr,
  fma,
  type KType,
  lane,
  load,
  maskCast,
  type MemType,
  memBytes,
  ramp,
  read,
  select,
  shift,
  splat,
  unary,
  unsignedCast,
  Var,
} from "../kernel/expr.js";
import { printStatement } from "../kernel/print.js";
import type { Combine, Kernel, Stmt } from "../kernel/stmt.js";
import { renderC } from "./c.js";
import { literal } from "./c-types.js";

const N = 64;
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

/** A small deterministic generator of integers below a bound (mulberry32). */
function generator(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const specialFloats = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  2.5,
  -2.5,
  Infinity,
  -Infinity,
  NaN,
  1e-42,
  -1e-320,
  3e38,
  1e300,
  2 ** 31,
];
const moreFloats = [-(2 ** 31), 2 ** 31 - 128, -(2 ** 31) - 1, 2 ** 63, -(2 ** 63), 2 ** 52 + 0.5, 1 / 3, 0.1];
const specialInts = [
  0n,
  1n,
  -1n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 53n + 1n,
  255n,
  65_535n,
];

type Number = "f32" | "f64" | "i32" | "i64";
const numberTypes: readonly Number[] = ["f32", "f64", "i32", "i64"];
const inputs = Object.fromEntries(numberTypes.map((t, slot) => [t, new Buf(t, t, slot)])) as Record<Number, Buf>;

/** Fills the input buffers, special values first, and gives their addresses. */
function fillInputs(): number[] {
  const next = generator(7);
  const floats = [...specialFloats, ...moreFloats];
  const addresses = numberTypes.map((t) => heap.alloc(N * memBytes[t]));
  const v = heap.views;
  for (let i = 0; i < N; i++) {
    const float = floats[i] ?? (next(2000) - 1000) / 8 + next(1000) / 7919;
    const int = specialInts[i] ?? BigInt(next(2 ** 31)) * BigInt(next(2 ** 31)) - 2n ** 61n;
    v.f32[addresses[0]! / 4 + ((i * 5) % N)] = float;
    v.f64[addresses[1]! / 8 + ((i * 7) % N)] = float;
    v.i32[addresses[2]! / 4 + ((i * 11) % N)] = Number(BigInt.asIntN(32, int));
    v.i64[addresses[3]! / 8 + ((i * 13) % N)] = int;
  }
  return addresses;
}

const addresses = fillInputs();

/** Random expressions of a type over the inputs at index `i`. */
class Grower {
  constructor(
    private readonly next: (below: number) => number,
    private readonly i: Expr,
    private readonly lanes: number,
  ) {}

  grow(type: KType, depth: number): Expr {
    if (type === "m32" || type === "m64") return this.mask(type, depth);
    if (depth <= 0) return this.leaf(type);
    return type === "f32" || type === "f64" ? this.float(type, depth - 1) : this.int(type, depth - 1);
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.next(items.length)]!;
  }

  private leaf(type: Number): Expr {
    const choice = this.next(6);
    if (choice === 0)
      return splat(
        constant(type, type.startsWith("f") ? this.pick(specialFloats) : this.pick(specialInts)),
        this.lanes,
      );
    if (choice === 1 && this.lanes > 1) {
      const index = binary("and", load(inputs.i32, this.i, this.lanes), splat(constant("i32", N - 1), this.lanes));
      return load(inputs[type], index);
    }
    if (choice === 2 && this.lanes > 1)
      return splat(lane(load(inputs[type], this.i, this.lanes), this.next(this.lanes)), this.lanes);
    if (choice === 3 && this.lanes > 1 && type === "i32") return ramp(this.i, this.lanes);
    return load(inputs[type], this.i, this.lanes);
  }

  private float(type: "f32" | "f64", depth: number): Expr {
    const other = type === "f32" ? "f64" : "f32";
    switch (this.next(9)) {
      case 0:
        return cast(this.grow(this.pick([other, "i32", "i64"] as const), depth), type);
      case 1:
        return bitcast(this.grow(type === "f32" ? "i32" : "i64", depth), type);
      case 2:
        return unsignedCast(this.grow(this.pick(["i32", "i64"] as const), depth), type);
      case 3:
        return select(
          this.grow(this.pick(["m32", "m64"] as const), depth),
          this.grow(type, depth),
          this.grow(type, depth),
        );
      case 4:
      case 5:
        return unary(
          this.pick(["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest"] as const),
          this.grow(type, depth),
        );
      default:
        return binary(
          this.pick(["add", "sub", "mul", "div", "min", "max"] as const),
          this.grow(type, depth),
          this.grow(type, depth),
        );
    }
  }

  private int(type: "i32" | "i64", depth: number): Expr {
    const one = splat(constant(type, 1), this.lanes);
    switch (this.next(10)) {
      case 0:
        return cast(this.grow(this.pick(["f32", "f64", type === "i32" ? "i64" : "i32"] as const), depth), type);
      case 1:
        return bitcast(this.grow(type === "i32" ? "f32" : "f64", 0), type);
      case 2:
        return type === "i64" ? unsignedCast(this.grow("i32", depth), type) : unary("not", this.grow(type, depth));
      case 3:
        return select(
          this.grow(this.pick(["m32", "m64"] as const), depth),
          this.grow(type, depth),
          this.grow(type, depth),
        );
      case 4: {
        const x = this.grow("i32", depth);
        const by = this.lanes > 1 ? lane(x, this.next(this.lanes)) : x;
        return shift(this.pick(["shl", "shr", "ushr"] as const), this.grow(type, depth), by);
      }
      case 5:
        return binary(
          this.pick(["div", "rem"] as const),
          this.grow(type, depth),
          binary("or", this.grow(type, depth), one),
        );
      case 6:
        return unary(this.pick(["neg", "abs", "not"] as const), this.grow(type, depth));
      default:
        return binary(
          this.pick(["add", "sub", "mul", "min", "max", "and", "or", "xor"] as const),
          this.grow(type, depth),
          this.grow(type, depth),
        );
    }
  }

  private mask(type: "m32" | "m64", depth: number): Expr {
    if (depth > 0 && this.next(3) === 0) {
      const [x, y] = [this.mask(type, depth - 1), this.mask(type, depth - 1)];
      const choice = this.next(5);
      if (choice === 0) return unary("not", x);
      if (choice === 1) return maskCast(this.mask(type === "m32" ? "m64" : "m32", depth - 1), type);
      if (choice === 2 && this.lanes > 1) return splat(lane(x, this.next(this.lanes)), this.lanes);
      return binary(this.pick(["and", "or", "xor"] as const), x, y);
    }
    const of = this.pick(type === "m32" ? (["f32", "i32"] as const) : (["f64", "i64"] as const));
    const ops = ["lt", "le", "gt", "ge", "eq", "ne", ...(of.startsWith("i") ? ["ult"] : [])] as Parameters<
      typeof compare
    >[0][];
    return compare(this.pick(ops), this.grow(of, depth - 1), this.grow(of, depth - 1));
  }
}

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
    const mem = type.startsWith("m") ? "i32" : (type as Number);
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
