// Op: the orthonormal factor of a tall matrix, for orthogonal initialisation.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireFloat } from "./infer.js";

/**
 * Q of the factors Q R whose R has a positive diagonal, by Gram and Schmidt's process in double, each column made orthogonal twice so that
 * rounding does not add up (Giraud, Langou and Rozložník, 2005).
 */
export const orthonormalOp = defineOp({
  name: "orthonormal",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    requireFloat(x, "orthonormal");
    if (x.shape.length !== 2 || x.shape[0]! < x.shape[1]!)
      throw new InvalidArgumentError(`needs a tall matrix, got ${formatShape(x.shape)}.`, { op: "orthonormal" });
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  kernel: (b, { x }, { out }) => {
    const [rows, columns] = [x.extent(0), x.extent(1)];
    // Columns one after the other, so that products run over neighbours.
    const q = b.temp("columns", "f64", k.mul(rows, columns));
    b.parallel(1, () => {
      b.for(0, columns, (j) => {
        const mine = b.let(k.mul(j, rows));
        b.for(0, rows, (i) => b.store(q, k.add(mine, i), k.cast(x.flat(k.add(k.mul(i, columns), j)), "f64")));
        b.for(0, 2, () => {
          b.for(0, j, (other) => {
            const its = b.let(k.mul(other, rows));
            const along = b.reduce("add", "f64", 0, rows, (i) =>
              k.mul(b.load(q, k.add(its, i)), b.load(q, k.add(mine, i))),
            );
            b.lanes(0, rows, (i) => {
              const rest = k.sub(b.load(q, k.add(mine, i)), k.mul(b.load(q, k.add(its, i)), along));
              b.store(q, k.add(mine, i), rest);
            });
          });
        });
        const squares = b.reduce("add", "f64", 0, rows, (i) => {
          const v = b.load(q, k.add(mine, i));
          return k.mul(v, v);
        });
        const factor = b.let(k.select(k.gt(squares, 0), k.div(1, k.sqrt(squares)), k.const("f64", 0)));
        b.lanes(0, rows, (i) => b.store(q, k.add(mine, i), k.mul(b.load(q, k.add(mine, i)), factor)));
        b.for(0, rows, (i) => out.setFlat(k.add(k.mul(i, columns), j), k.cast(b.load(q, k.add(mine, i)), out.type)));
      });
    });
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [3, 5, 4, 0] }],
        expect: () => ({ shape: [2, 2], data: [0.6, 0.8, 0.8, -0.6] }),
      },
      { inputs: [{ shape: [2, 1], data: [0, -2] }], expect: () => ({ shape: [2, 1], data: [0, -1] }) },
    ],
  },
});

/** {@link orthonormalOp}. */
export const orthonormal = <T extends Value>(x: T): T => bind1(orthonormalOp, [x]) as T;
