// Counting kernels: operations and bytes of loops whose numbers are known by formula.

import { describe, expect, it } from "vitest";
import { Builder } from "../kernel/builder.js";
import { type Buf, constant, type Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { countKernel } from "./profile-count.js";

/** Counts a kernel of one source and one target that `body` writes in `blocks` blocks; `n` is its scalar argument. */
function count(
  blocks: number,
  body: (b: Builder, x: Buf, y: Buf, block: Expr, n: Expr) => void,
  n = 0,
): ReturnType<typeof countKernel> {
  const b = new Builder("counted");
  const [x, y, size] = [b.buffer("x", "f32"), b.buffer("y", "f32"), b.scalar("n", "i32")];
  b.parallel(blocks, (block) => body(b, x, y, block, size));
  return countKernel(b.finish()[0]!, () => n);
}

describe("countKernel", () => {
  it("counts lanes of vector loops and of what is left of them", () => {
    const found = count(1, (b, x, y, _, n) => b.lanes(0, n, (i) => b.store(y, i, k.add(b.load(x, i), 1))), 1003);
    expect(found).toEqual({ flops: 1003, fused: 0, loaded: [4012, 0], stored: [0, 4012], exact: true });
  });

  it("counts fma as two, and comparisons, selections and integers not at all", () => {
    const found = count(1, (b, x, y) =>
      b.for(0, 10, (i) => {
        const v = b.let(b.load(x, i));
        const product = k.fma(v, v, v);
        b.store(y, i, k.select(k.lt(v, constant("f32", 0)), product, k.neg(v)));
      }),
    );
    expect(found).toMatchObject({ flops: 20, fused: 20, exact: true });
  });

  it("counts a value that a statement uses twice once", () => {
    const found = count(1, (b, x, y) => {
      const sum = k.add(b.load(x, 0), b.load(x, 1));
      b.store(y, 0, k.mul(sum, sum));
    });
    expect(found).toMatchObject({ flops: 2, loaded: [8, 0] });
  });

  it("walks blocks at the edge: 5 blocks of at most 100 of 450 elements", () => {
    const found = count(
      5,
      (b, x, y, block, n) => {
        const from = b.let(k.mul(block, 100));
        b.for(from, k.min(n, k.add(from, 100)), (i) => b.store(y, i, k.mul(b.load(x, i), 2)));
      },
      450,
    );
    expect(found).toMatchObject({ flops: 450, loaded: [1800, 0], exact: true });
  });

  it.each([10, 64, 1000, 1001])("sums a triangle of %i rows, also when it looks at some of them only", (rows) => {
    const found = count(1, (b, x, y) =>
      b.for(0, rows, (i) => b.for(0, i, (j) => b.store(y, j, k.mul(b.load(x, j), 2)))),
    );
    const formula = (rows * (rows - 1)) / 2;
    expect(Math.abs(found.flops - formula)).toBeLessThan(formula * 0.01);
    if (rows <= 64) expect(found.flops).toBe(formula);
  });

  it("takes branches on sizes, and says when one depends on data", () => {
    const branch = (of: (v: Expr, block: Expr) => Expr) =>
      count(4, (b, x, y, block) => {
        const v = b.let(b.load(x, block));
        b.if(of(v, block), () => b.store(y, block, k.add(v, 1)));
      });
    expect(branch((_, block) => k.lt(block, 3))).toMatchObject({ flops: 3, exact: true });
    expect(branch((v) => k.lt(v, constant("f32", 3)))).toMatchObject({ flops: 2, exact: false });
  });
});
