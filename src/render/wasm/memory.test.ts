// WebAssembly memory accesses at the edges: low addresses, overlapping loads and stores, memory that is not shared; and fused products.

import { describe, expect, it } from "vitest";
import { Heap } from "../../device/heap.js";
import { createWasmTarget } from "../../device/wasm-target.js";
import { Builder } from "../../kernel/builder.js";
import { type Buf, type Expr, binary, constant, fma, lane, load, memBytes, splat } from "../../kernel/expr.js";

const i32 = (v: number): Expr => constant("i32", v);

interface Run {
  /** The first buffer's elements before. */
  readonly data: readonly number[];
  /** The scalar argument `n`. */
  readonly n?: number;
  readonly heap?: Heap;
}

/** The first `data.length` elements of an i32 (or f32) buffer after one block of a kernel. */
function elementsAfter(mem: "i32" | "f32", body: (b: Builder, buf: Buf, n: Expr) => void, options: Run): number[] {
  const { data, n = 0, heap = new Heap() } = options;
  const b = new Builder("edge");
  const buf = b.buffer("x", mem);
  const scalar = b.scalar("n", "i32");
  b.parallel(1, () => body(b, buf, scalar));
  const [kernel] = createWasmTarget(heap).compile(b.finish());
  // The first allocation of a heap has the lowest address of all.
  const [address, args] = [heap.alloc(data.length * memBytes[mem]), heap.alloc(16)];
  heap.views[mem].set(data, address / 4);
  heap.views.u32[args / 4] = address;
  heap.views.i32[args / 4 + 2] = n;
  kernel!.run(args, 0, 1, 0);
  return Array.from(heap.views[mem].subarray(address / 4, address / 4 + data.length));
}

const counting = Array.from({ length: 64 }, (_, i) => i);

describe("addresses", () => {
  it("may start below the buffer when the index is a negative value plus a large constant", () => {
    const index = (n: Expr, k: number): Expr => binary("add", n, i32(k));
    const result = elementsAfter("i32", (b, x, n) => b.store(x, index(n, 1000002), load(x, index(n, 1000007))), {
      data: counting,
      n: -1000000,
    });
    expect(result[2]).toBe(7);
  });

  it("take constants of every sign from sums, differences and loop indices", () => {
    const result = elementsAfter(
      "i32",
      (b, x, n) =>
        b.for(8, 12, (i) => b.store(x, binary("sub", i, i32(8)), load(x, binary("add", binary("sub", n, i32(4)), i)))),
      { data: counting, n: 14 },
    );
    expect(result.slice(0, 5)).toEqual([18, 19, 20, 21, 4]);
  });
});

describe("a vector that is stored over its own source", () => {
  it("is loaded whole before", () => {
    const result = elementsAfter("i32", (b, x) => b.store(x, i32(1), load(x, i32(0), 16)), { data: counting });
    expect(result.slice(0, 18)).toEqual([0, ...counting.slice(0, 16), 17]);
  });

  it("is gathered whole before", () => {
    const result = elementsAfter(
      "i32",
      (b, x) => b.store(x, i32(0), load(x, binary("sub", splat(i32(15), 16), load(x, i32(0), 16)))),
      { data: counting },
    );
    expect(result.slice(0, 17)).toEqual([...counting.slice(0, 16).reverse(), 16]);
  });
});

describe("a heap that is not shared", () => {
  it("works on the calling thread", () => {
    const heap = new Heap(false);
    const result = elementsAfter(
      "i32",
      (b, x) => b.lanes(0, 64, (i) => b.store(x, i, binary("mul", load(x, i), i32(3)))),
      {
        data: counting,
        heap,
      },
    );
    expect(result).toEqual(counting.map((v) => 3 * v));
  });
});

describe("fma", () => {
  it("rounds alike in scalars and vectors, once or twice", () => {
    // (1 + 2^-12)^2 - 1 - 2^-11 is 2^-24 exactly; rounded twice it is 0.
    const x = 1 + 2 ** -12;
    const f32 = (v: number): Expr => constant("f32", v);
    const result = elementsAfter(
      "f32",
      (b, buf) => {
        const [sx, vx] = [load(buf, i32(0)), load(buf, i32(0), 4)];
        b.store(buf, i32(8), fma(sx, sx, f32(-1 - 2 ** -11)));
        b.store(buf, i32(9), lane(fma(vx, vx, f32(-1 - 2 ** -11)), 0));
      },
      { data: [x, x, x, x, 0, 0, 0, 0, 9, 9] },
    );
    expect(result[8]).toBe(result[9]);
    expect([0, 2 ** -24]).toContain(result[8]);
  });
});
