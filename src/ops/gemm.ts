// Matrix multiplication in the kernel language: one entry point that picks a route by the sizes, constants or not.

import type { KernelContext, Ref } from "../fuse/body.js";
import type { Buf, Expr } from "../kernel/expr.js";
import { linear } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { skinnyRoute, smallRoute } from "./gemm-direct.js";
import { tiledRoute } from "./gemm-tiled.js";

/** A matrix, or a batch of them, as {@link emitGemm} reads it. Rows are `i`, columns `j`. */
export interface GemmOperand {
  /** The element at row `i`, column `j` of matrix `batch`, in the computing type. */
  at(batch: Expr, i: Expr, j: Expr): Expr;
  /** Along which index neighbours are adjacent in memory: `j` for row-major matrices, `i` for transposed ones. */
  readonly inner: "i" | "j";
  /** Where the elements stand when they are plain memory of the computing type. */
  readonly memory?: GemmMemory | undefined;
  /** Copies a part of the operand by itself, where it knows a faster way than element by element (`tiledGemm` only). */
  copy?(part: GemmPart): void;
}

/** A part of an operand to be copied: `depth` from `k0` of the product's depth, `count` rows of A or columns of B from `first`. */
export interface GemmPart {
  readonly batch: Expr;
  readonly k0: Expr;
  readonly depth: Expr;
  readonly first: Expr;
  readonly count: Expr;
  readonly to: Buf;
  /** Where the element `u` after `first` at depth `d` after `k0` goes. */
  at(u: Expr, d: Expr): Expr;
}

/** A part of the result: `height` rows from `i0`, `width` columns from `j0`. */
export interface GemmTile {
  readonly batch: Expr;
  readonly i0: Expr;
  readonly j0: Expr;
  readonly height: Expr;
  readonly width: Expr;
  /** The element `r` rows and `c` columns further. */
  value(r: Expr, c: Expr): Expr;
}

/** Elements in memory: adjacent along `inner`, `stride` apart along the other index. */
export interface GemmMemory {
  readonly buf: Buf;
  readonly stride: Expr;
  /** Position of the first element of a matrix. */
  base(batch: Expr): Expr;
}

/** What to multiply: `C[batch] = A[batch] · B[batch]`, with A m × k and B k × n. */
export interface GemmSpec {
  readonly type: "f32" | "f64" | "i32" | "i64";
  /** Number of matrices, an i32 constant or expression of scalar arguments, as all sizes. */
  readonly batches: Expr;
  readonly m: Expr;
  readonly n: Expr;
  readonly k: Expr;
  readonly a: GemmOperand;
  readonly b: GemmOperand;
  /** Takes one element of the result, in a `lanes` loop over `j` wherever the result is wide. */
  store(batch: Expr, i: Expr, j: Expr, value: Expr): void;
  /** Depth of one matrix, at most `k`, where they differ (`tiledGemm` only). */
  depthOf?(batch: Expr): Expr;
  /** A is dearer to copy than B: the result is cut into blocks as wide as they may be (`tiledGemm` only). */
  readonly wide?: boolean;
  /** Takes a part of the result in loops of its own, in place of `store` (`tiledGemm` only). */
  storeTile?(tile: GemmTile): void;
}

/** One way to multiply. */
export interface GemmRoute {
  /** Whether it is taken: known now, or a condition on scalar arguments. */
  readonly when: Expr | boolean;
  readonly blocks: Expr;
  emit(block: Expr): void;
}

/**
 * Emits one launch that multiplies matrices and hands every element of the result to `spec.store` exactly once.
 *
 * The route depends on sizes and on `inner` alone, and so do the block sizes: results are bit-identical for any number of threads, for
 * constant and run-time sizes, and for fused and plain operands. Each element is the chain `fma(a[i,k], b[k,j], acc)` over k = 0, 1, …
 * from 0, except for up to two rows (or columns) with both operands adjacent along k, which are dot products in the vectoriser's order.
 * An empty depth gives zeros. Integers wrap.
 *
 * @example
 * ```ts
 * emitGemm(b, {
 *   type: "f32", batches: constant("i32", 1), m: x.extent(0), n: y.extent(1), k: x.extent(1),
 *   a: matrixOperand(x), b: matrixOperand(y),
 *   store: (_batch, i, j, value) => out.set([i, j], value),
 * });
 * ```
 */
export function emitGemm(b: KernelContext, spec: GemmSpec): void {
  b.cost([spec.batches, spec.m, spec.n, spec.k]);
  const routes: GemmRoute[] = [];
  for (const make of [smallRoute, skinnyRoute, swappedRoute, tiledRoute]) {
    const route = make(b, spec);
    if (route.when === false) continue;
    routes.push(route);
    if (route.when === true) break;
  }
  const last = routes.pop()!;
  const blocks = routes.reduceRight((rest, r) => k.select(r.when as Expr, r.blocks, rest), last.blocks);
  b.parallel(blocks, (block) => {
    const emit = (i: number): void => {
      const route = routes[i];
      if (!route) last.emit(block);
      else
        b.if(
          route.when as Expr,
          () => route.emit(block),
          () => emit(i + 1),
        );
    };
    emit(0);
  });
}

/**
 * {@link emitGemm} by register tiles, whatever the sizes: for operands that bring their own `copy`, and results that are stored in loops of
 * their own. States no cost.
 */
export function tiledGemm(b: KernelContext, spec: GemmSpec): void {
  const route = tiledRoute(b, spec);
  b.parallel(route.blocks, (block) => route.emit(block));
}

/** Few columns: `Cᵀ = Bᵀ · Aᵀ` has few rows. */
const swappedRoute = (b: KernelContext, spec: GemmSpec): GemmRoute =>
  skinnyRoute(b, {
    ...spec,
    m: spec.n,
    n: spec.m,
    a: transposed(spec.b),
    b: transposed(spec.a),
    store: (batch, i, j, value) => spec.store(batch, j, i, value),
  });

/** The same memory read as its transpose. */
export function transposed(x: GemmOperand): GemmOperand {
  return { at: (batch, i, j) => x.at(batch, j, i), inner: x.inner === "i" ? "j" : "i", memory: x.memory };
}

/**
 * The last two axes of a tensor as a matrix operand. `transpose` swaps them; `leading` gives the index of the axes before them (default:
 * none, a tensor of rank 2).
 */
export function matrixOperand(
  x: Ref,
  transpose = false,
  leading: (batch: Expr) => readonly Expr[] = () => [],
): GemmOperand {
  const stride = x.extent(x.rank - 1);
  const { buf } = x;
  const base = (batch: Expr): Expr => {
    const first = linear(
      leading(batch),
      leading(batch).map((_, axis) => x.extent(axis)),
    );
    return k.mul(first, k.mul(x.extent(x.rank - 2), stride));
  };
  const plain: GemmOperand = {
    at: (batch, i, j) => x.at(...leading(batch), i, j),
    inner: "j",
    memory: buf && { buf, stride, base },
  };
  return transpose ? transposed(plain) : plain;
}
