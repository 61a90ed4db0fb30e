// Wide `lanes` loops with inner loops: columns of any number, in vectors side by side, on the interpreter and on WebAssembly.

import { describe, expect, it } from "vitest";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { createWasmTarget } from "../device/wasm-target.js";
import { Builder } from "../kernel/builder.js";
import { constant } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";

/** `out[c] = c + sum of x[r, c] along a chain of rows: 0, then next[r] until it is negative`. */
function chainKernel(columns: number, wide: number) {
  const b = new Builder("chain");
  const [x, next, out] = [b.buffer("x", "f32"), b.buffer("next", "i32"), b.buffer("out", "f32")];
  b.parallel(1, () => {
    b.lanes(
      0,
      columns,
      (c) => {
        const sum = b.variable(k.cast(c, "f32"));
        const row = b.variable(constant("i32", 0));
        b.while(k.ge(row.value, 0), () => {
          b.set(sum, k.add(sum.value, b.load(x, k.add(k.mul(row.value, columns), c))));
          b.set(row, b.load(next, row.value));
        });
        b.store(out, c, sum.value);
      },
      wide,
    );
  });
  return b.finish()[0]!;
}

const rows = 6;
const next = [3, 0, -1, 5, 2, 2];
const visited = [0, 3, 5, 2];

describe.each(["interp", "wasm"] as const)("on %s", (name) => {
  it.each([3, 4, 16, 19, 27, 61, 100, 128, 135])("sums chains of rows of %i columns", (columns) => {
    for (const wide of [1, 2, 4, 8]) {
      const heap = new Heap(name === "wasm");
      const target = name === "wasm" ? createWasmTarget(heap) : interpTarget(heap);
      const kernel = target.compile([chainKernel(columns, wide)])[0]!;
      const at = [rows * columns * 4, rows * 4, columns * 4].map((bytes) => heap.alloc(bytes));
      const args = heap.alloc(64);
      at.forEach((address, i) => {
        heap.views.u32[args / 4 + 2 * i] = address;
      });
      // Small whole numbers: all sums are exact.
      const value = (r: number, c: number): number => ((r + 1) * 7 + c * 3) % 31;
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++) heap.views.f32[at[0]! / 4 + r * columns + c] = value(r, c);
      heap.views.i32.set(next, at[1]! / 4);
      kernel.run(args, 0, 1, 0);
      const want = Array.from({ length: columns }, (_, c) => visited.reduce((sum, r) => sum + value(r, c), c));
      expect([...heap.views.f32.subarray(at[2]! / 4, at[2]! / 4 + columns)]).toEqual(want);
      target.close();
    }
  });
});
