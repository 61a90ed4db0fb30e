// Ops: products of matrices and what gradients need of them: matmul, linear, and the sum of row products.

import { type DType, isComplex } from "../core/dtype.js";
import { BugError, InvalidArgumentError } from "../core/errors.js";
import { publicExtent } from "../core/extents.js";
import { promoteTypes } from "../core/promotion.js";
import { broadcastShapes, formatShape, type Shape } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { unravel } from "../fuse/map-nest.js";
import { type Expr, constant } from "../kernel/expr.js";
import { product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { add, subtract } from "./arithmetic.js";
import { complex, imag, real } from "./complex-parts.js";
import { emitGemm, type GemmOperand, type GemmSpec, matrixOperand } from "./gemm.js";
import { squeeze, unsqueeze } from "./views.js";

const one = constant("i32", 1);

const extentsOf = (x: Pick<Ref, "extent">, from: number, to: number): Expr[] =>
  Array.from({ length: to - from }, (_, i) => x.extent(from + i));

/** All axes but the last as rows of one matrix. */
function flatRows(x: Ref): GemmOperand {
  const stride = x.extent(x.rank - 1);
  const zero = constant("i32", 0);
  return {
    at: (_, i, j) => x.flat(k.add(k.mul(i, stride), j)),
    inner: "j",
    memory: x.buf && { buf: x.buf, stride, base: () => zero },
  };
}

/** An operand whose elements are of another type than the product is computed in. */
const inType = (x: GemmOperand, own: Ref["type"], type: Ref["type"]): GemmOperand =>
  own === type ? x : { at: (batch, i, j) => k.cast(x.at(batch, i, j), type), inner: x.inner };

const turned = (x: GemmOperand): GemmOperand => ({
  at: (batch, i, j) => x.at(batch, j, i),
  inner: x.inner === "i" ? "j" : "i",
  memory: x.memory,
});

function gemmType(out: OutRef): GemmSpec["type"] {
  const { type } = out;
  if (type === "m32" || type === "m64") throw new InvalidArgumentError("no product of truth values.", { op: "matmul" });
  return type;
}

/** Rows of any number of leading axes times one matrix; `finish` sees each element with its column. */
function emitRows(
  b: KernelContext,
  x: Ref,
  matrix: GemmOperand,
  out: OutRef,
  finish: (value: Expr, j: Expr) => Expr,
): void {
  const type = gemmType(out);
  const rows = extentsOf(out, 0, out.rank - 1);
  emitGemm(b, {
    type,
    batches: one,
    m: product(rows),
    n: out.extent(out.rank - 1),
    k: x.extent(x.rank - 1),
    a: inType(flatRows(x), x.type, type),
    b: matrix,
    store: (_, i, j, value) => out.set([...unravel(i, rows), j], finish(value, j)),
  });
}

/** Batches of matrices, the leading axes broadcast. */
function emitBatches(b: KernelContext, x: Ref, y: Ref, out: OutRef, transposeX: boolean, transposeY: boolean): void {
  const type = gemmType(out);
  const batch = extentsOf(out, 0, out.rank - 2);
  const leading =
    (ref: Ref) =>
    (at: Expr): Expr[] => {
      const index = unravel(at, batch).slice(batch.length - (ref.rank - 2));
      return index.map((e, axis) => k.select(k.eq(ref.extent(axis), 1), 0, e));
    };
  emitGemm(b, {
    type,
    batches: product(batch),
    m: out.extent(out.rank - 2),
    n: out.extent(out.rank - 1),
    k: x.extent(x.rank - (transposeX ? 2 : 1)),
    a: inType(matrixOperand(x, transposeX, leading(x)), x.type, type),
    b: inType(matrixOperand(y, transposeY, leading(y)), y.type, type),
    store: (at, i, j, value) => out.set([...unravel(at, batch), i, j], value),
  });
}

function innerMismatch(op: string, x: Shape, y: Shape, have: number, want: number, hint: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `inner dimensions differ: x is ${formatShape(x)}, y is ${formatShape(y)}; ${have} must equal ${want}.`,
    { op, x, y, hint },
  );
}

const differ = (a: number, b: number): boolean => a !== b && a >= 0 && b >= 0;

/** Shape of a product of matrices (rank ≥ 2). */
export function matmulShape(x: Shape, y: Shape, transposeX: boolean, transposeY: boolean): Shape {
  const [rows, depth] = transposeX ? [x.at(-1)!, x.at(-2)!] : [x.at(-2)!, x.at(-1)!];
  const [inner, columns] = transposeY ? [y.at(-1)!, y.at(-2)!] : [y.at(-2)!, y.at(-1)!];
  if (differ(depth, inner)) {
    const [have, want] = [publicExtent(depth), publicExtent(inner)];
    const other = transposeY ? y.at(-2)! : y.at(-1)!;
    const turn = other === depth ? ` y's other axis is ${have}: did you mean transposeY: ${String(!transposeY)}?` : "";
    const hint = `Expected the depth of x and y to be equal, but received ${have} != ${want}.${turn}`;
    throw innerMismatch("matmul", x, y, have, want, hint);
  }
  return [...broadcastShapes(x.slice(0, -2), y.slice(0, -2), "matmul"), rows, columns];
}

function requireMatrices(x: InferInput, y: InferInput): void {
  if (x.shape.length >= 2 && y.shape.length >= 2) return;
  throw new InvalidArgumentError(
    `needs operands of rank 2 or more, got ${formatShape(x.shape)}, ${formatShape(y.shape)}.`,
    {
      op: "matmul",
    },
  );
}

/** The dtype of a product; complex ones are made by parts. */
function realProduct(dtype: DType): DType {
  if (isComplex(dtype)) throw new BugError("complex matrices are multiplied by parts");
  if (dtype === "bool")
    throw new InvalidArgumentError("truth values have no product of matrices.", {
      op: "matmul",
      hint: 'cast them: x.astype("float32").',
    });
  return dtype;
}

/** `out = x · y` of the last two axes, the others broadcast; operands of rank 2 or more. */
export const matmulOp = defineOp({
  name: "matmul",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: { transposeX: fixed(false), transposeY: fixed(false) },
  infer: ({ x, y }, { transposeX, transposeY }) => {
    requireMatrices(x, y);
    const dtype = realProduct(promoteTypes(x.dtype, y.dtype, "matmul"));
    return { outs: { out: { shape: matmulShape(x.shape, y.shape, transposeX, transposeY), dtype } } };
  },
  kernel: (b, { x, y }, { out }, { transposeX, transposeY }) => {
    if (y.rank === 2 && x.rank > 2 && !transposeX)
      emitRows(b, x, inType(matrixOperand(y, transposeY), y.type, out.type), out, (value) => value);
    else emitBatches(b, x, y, out, transposeX, transposeY);
  },
  fuses: { stores: true },
  saves: ["x", "y"],
  grad: ({ x, y }, d, { attrs: { transposeX, transposeY } }) => {
    const rows = y.shape.length === 2 && x.shape.length > 2 && !transposeX;
    return {
      x: () => (transposeX ? product2(y, d.out, transposeY, true) : product2(d.out, y, false, !transposeY)),
      y: () => {
        if (rows) return transposeY ? rowProducts(d.out, x) : rowProducts(x, d.out);
        return transposeY ? product2(d.out, x, true, transposeX) : product2(x, d.out, !transposeX, false);
      },
    };
  },
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [3, 4],
          [4, 5],
        ],
        attrs: { transposeX: false, transposeY: false },
      },
      {
        inputs: [
          [4, 3],
          [5, 4],
        ],
        attrs: { transposeX: true, transposeY: true },
      },
      {
        inputs: [
          [2, 3, 4],
          [4, 5],
        ],
        attrs: { transposeX: false, transposeY: false },
      },
      {
        inputs: [
          [2, 3, 4],
          [5, 4],
        ],
        attrs: { transposeX: false, transposeY: true },
      },
      {
        inputs: [
          [2, 1, 3, 4],
          [3, 4, 2],
        ],
        attrs: { transposeX: false, transposeY: false },
      },
      {
        inputs: [
          [3, 0],
          [0, 2],
        ],
        attrs: { transposeX: false, transposeY: false },
      },
    ],
    dtypes: ["int32", "int64"],
  },
});

const product2 = <T extends Value>(x: T, y: T, transposeX: boolean, transposeY: boolean): T =>
  bind1(matmulOp, [x, y], { transposeX, transposeY }) as T;

/** `out[i, j] = Σ x[…, i] y[…, j]` over all leading axes: the gradient of a matrix that was applied to many rows. */
export const rowProductsOp = defineOp({
  name: "row_products",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, y }) => {
    requireMatrices(x, y);
    const dtype = promoteTypes(x.dtype, y.dtype, "row_products");
    return { outs: { out: { shape: [x.shape.at(-1)!, y.shape.at(-1)!], dtype } } };
  },
  kernel: (b, { x, y }, { out }) => {
    const type = gemmType(out);
    emitGemm(b, {
      type,
      batches: one,
      m: out.extent(0),
      n: out.extent(1),
      k: product(extentsOf(x, 0, x.rank - 1)),
      a: inType(turned(flatRows(x)), x.type, type),
      b: inType(flatRows(y), y.type, type),
      store: (_, i, j, value) => out.set([i, j], value),
    });
  },
  fuses: { stores: true },
  saves: ["x", "y"],
  grad: ({ x, y }, d) => ({ x: () => product2(y, d.out, false, true), y: () => product2(x, d.out, false, false) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [2, 3, 4],
          [2, 3, 5],
        ],
      },
    ],
  },
});

const rowProducts = <T extends Value>(x: T, y: T): T => bind1(rowProductsOp, [x, y]) as T;

/** `out = x · w + bias` with w `[in, out]`: a fully connected layer. */
export const linearOp = defineOp({
  name: "linear",
  inputs: ["x", "w", "bias?"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, w, bias }) => {
    if (w.shape.length !== 2 || x.shape.length < 2)
      throw new InvalidArgumentError(`weight must be [in, out], got ${formatShape(w.shape)}.`, { op: "linear" });
    if (differ(x.shape.at(-1)!, w.shape[0]!)) {
      const hint = `the weight is [in, out] = ${formatShape(w.shape)}: x's last axis must be ${w.shape[0]}.`;
      throw innerMismatch("linear", x.shape, w.shape, x.shape.at(-1)!, w.shape[0]!, hint);
    }
    const columns = w.shape[1]!;
    if (bias && (bias.shape.length !== 1 || (bias.shape[0] !== columns && bias.shape[0] !== 1)))
      throw new InvalidArgumentError(`bias must be [${columns}], got ${formatShape(bias.shape)}.`, { op: "linear" });
    let dtype = promoteTypes(x.dtype, w.dtype, "linear");
    if (bias) dtype = promoteTypes(dtype, bias.dtype, "linear");
    return { outs: { out: { shape: [...x.shape.slice(0, -1), columns], dtype } } };
  },
  kernel: (b, { x, w, bias }, { out }) => {
    const at = (j: Expr): Expr => k.cast(bias!.at(k.select(k.eq(bias!.extent(0), 1), 0, j)), out.type);
    const matrix = inType(matrixOperand(w), w.type, out.type);
    emitRows(b, x, matrix, out, (value, j) => (bias ? k.add(value, at(j)) : value));
  },
  fuses: { stores: true },
  saves: ["x", "w"],
  grad: ({ x, w }, d) => ({
    x: () => product2(d.out, w, false, true),
    w: () => rowProducts(x, d.out),
    bias: () => d.out,
  }),
  check: {
    domain: [-2, 2],
    samples: [{ inputs: [[2, 3, 4], [4, 5], [5]] }, { inputs: [[3, 4], [4, 5], undefined] }],
  },
});

/**
 * Matrix product of the last two axes, the others broadcast. A first operand of rank 1 is a row, a second one a column (transposition
 * leaves them as they are), and the result has no axis for it.
 *
 * @throws InvalidArgumentError for rank 0, inner dimensions that differ, leading axes that do not broadcast.
 */
export function matmul<T extends Value>(x: T, y: T, transposeX = false, transposeY = false): T {
  if (isComplex(x.dtype) || isComplex(y.dtype)) return byParts(x, y, transposeX, transposeY);
  const row = x.shape.length === 1;
  const column = y.shape.length === 1;
  if (!row && !column) return product2(x, y, transposeX, transposeY);
  const a = row ? unsqueeze(x, [0]) : x;
  const b = column ? unsqueeze(y, [1]) : y;
  const out = product2(a, b, !row && transposeX, !column && transposeY);
  const rank = out.shape.length;
  const dropped = [...(row ? [rank - 2] : []), ...(column ? [rank - 1] : [])];
  return squeeze(out, dropped);
}

/** A product with complex operands, by real products of their parts. */
function byParts<T extends Value>(x: T, y: T, transposeX: boolean, transposeY: boolean): T {
  const times = (a: T, b: T): T => matmul(a, b, transposeX, transposeY);
  if (!isComplex(x.dtype)) return complex(times(x, real(y)), times(x, imag(y)));
  if (!isComplex(y.dtype)) return complex(times(real(x), y), times(imag(x), y));
  const [a, b, c, d] = [real(x), imag(x), real(y), imag(y)];
  return complex(subtract(times(a, c), times(b, d)), add(times(a, d), times(b, c)));
}

/** `x · w + bias` with w `[in, out]`. */
export function linear<T extends Value>(x: T, w: T, bias?: T): T {
  if (x.shape.length === 1) return squeeze(linear(unsqueeze(x, [0]), w, bias), [0]);
  if (isComplex(x.dtype) || isComplex(w.dtype)) return bias ? add(matmul(x, w), bias) : matmul(x, w);
  return bind1(linearOp, [x, w, bias]) as T;
}
