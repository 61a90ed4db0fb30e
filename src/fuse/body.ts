// How an op computes: the forms a body may take, and the graph of bodies that fusion turns into kernels.

import type { DType } from "../core/dtype.js";
import type { NdArray } from "../core/nd-array.js";
import type { Shape } from "../core/shape.js";
import type { Builder } from "../kernel/builder.js";
import type { Buf, Expr, KType } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import type { Combine } from "../kernel/stmt.js";

/** Shape and dtype of a tensor. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A tensor as a body reads it: by index, whatever stands behind it (memory, or an expression of other tensors). */
export interface Ref {
  readonly dtype: DType;
  /** The type its elements compute in. */
  readonly type: KType;
  readonly rank: number;
  /** Extent of an axis, an i32 constant or argument. */
  extent(axis: number): Expr;
  /** Number of elements. */
  readonly size: Expr;
  /** The element at an index, one i32 for each axis. */
  at(...index: Expr[]): Expr;
  /** The element at a row-major position. */
  flat(position: Expr): Expr;
  /** Its memory when it is a plain tensor of a type that needs no conversion; else undefined. */
  readonly buf: Buf | undefined;
}

/** A tensor as a `kernel` body writes it. */
export interface OutRef extends Omit<Ref, "at" | "flat" | "buf"> {
  /** Writes an element; each element exactly once. */
  set(index: readonly Expr[], value: Expr): void;
  /** Writes the element at a row-major position. */
  setFlat(position: Expr, value: Expr): void;
  /** Reads back an element this body wrote; not with `fuses.stores`. */
  getFlat(position: Expr): Expr;
  /** How many trailing axes run as one: the last index of `set` may go on over their product, from 0 in those before it. */
  readonly joined: number;
  /** Its memory, for bodies that also read back or accumulate; undefined when an epilogue was fused. */
  readonly buf: Buf | undefined;
}

/** By-name operands: one value, a list for names ending in `*`, or undefined for an optional one not given. */
export type Named<T> = Readonly<Record<string, T | readonly T[] | undefined>>;

/** Attributes as bodies see them: run-time scalars are expressions, all others plain values. */
export type BodyAttrs = Readonly<Record<string, unknown>>;

/** `out[i] = f(x[i], y[i])`, operands broadcast. */
export type LowerBody = (k: K, inputs: Named<Expr>, attrs: BodyAttrs) => Readonly<Record<string, Expr>>;

/** A complex value in its two parts. */
export interface ComplexExpr {
  readonly re: Expr;
  readonly im: Expr;
}

/** {@link LowerBody} for complex operands; real operands come with imaginary part 0. */
export type ComplexBody = (k: K, inputs: Named<ComplexExpr>, attrs: BodyAttrs) => Readonly<Record<string, ComplexExpr>>;

/** `out[index] = f(any elements of the inputs)`: movement, indexing, generation. On complex tensors it runs once for each part. */
export type ElementBody = (
  k: K,
  inputs: Named<Ref>,
  attrs: BodyAttrs,
  index: readonly Expr[],
  out: Pick<Ref, "extent" | "rank" | "type">,
) => Expr;

/** A reduction over the axes in attribute `axes` (normalised, sorted), with `keepdim`. */
export interface ReduceBody {
  readonly combine: Combine;
  /** Applied to each element, already cast to the output's type. */
  readonly map?: (k: K, x: Expr) => Expr;
  /** Applied to the result; `count` is the number of elements combined, in the output's type. */
  readonly finish?: (k: K, acc: Expr, count: Expr) => Expr;
}

/** Loop nests written by hand; declare temporaries through `b`. */
export type KernelBody = (
  b: KernelContext,
  inputs: Named<Ref>,
  outs: Readonly<Record<string, OutRef>>,
  attrs: BodyAttrs,
) => void;

/** What a kernel body builds with. */
export interface KernelContext extends Builder {
  readonly k: K;
  /** Memory that lives for this op only, shared by its launches; `length` elements (an i32 of scalar arguments). */
  temp(name: string, mem: Buf["mem"], length: Expr): Buf;
  /** Says what the op costs: a product of i32 expressions, in multiply-adds. Decides whether several threads are worth waking. */
  cost(factors: readonly Expr[]): void;
  /** Which machine code is being made for: tile sizes and the like. */
  readonly target: TargetFacts;
}

/** What schedules may depend on. */
export interface TargetFacts {
  readonly name: "interp" | "wasm" | "native";
  /** Rows and columns (in f32 lanes) of the matmul register tile. */
  readonly gemm: { readonly rows: number; readonly lanes: number; readonly vectors: number };
  /** Vectors of 64 bytes that the registers hold beside what a loop needs otherwise: how many accumulators of columns pay. */
  readonly vectors: number;
}

/** A TypeScript function on arrays, for rare algorithms that are not worth a kernel. */
export type HostBody = (inputs: Named<NdArray>, attrs: BodyAttrs) => Readonly<Record<string, NdArray>>;

/** Exactly one of the forms. */
export type Body =
  | { readonly form: "lower"; readonly lower: LowerBody; readonly complex?: ComplexBody | undefined }
  | {
      readonly form: "element";
      readonly element: ElementBody;
      /** The output is operand 0's bytes in the same order: it may share its memory. */
      readonly view: boolean;
    }
  | { readonly form: "reduce"; readonly reduce: ReduceBody }
  | {
      readonly form: "kernel";
      readonly kernel: KernelBody;
      /** Reads its operands through `at`/`flat` about once each, so their producers may be computed on the fly. */
      readonly fuseLoads: boolean;
      /**
       * Stores each element of its only output once and never reads it back, so element-wise consumers may ride along; "rows": along
       * rows in order, so that those of several results, which read and write several tensors, may too.
       */
      readonly fuseStores: boolean | "rows";
    }
  | { readonly form: "host"; readonly host: HostBody };

/** A value of the graph. `id` is dense from 0. */
export interface GraphValue extends TensorType {
  readonly id: number;
}

/** An operand: a value, a number (a weak scalar), or nothing. Lists are flattened; `GraphNode.names` tells which is which. */
export type GraphOperand = GraphValue | number | undefined;

/** An op in the graph. */
export interface GraphNode {
  readonly name: string;
  readonly body: Body;
  /** Input names as the record declares them (`x`, `y?`, `xs*`). */
  readonly names: readonly string[];
  readonly operands: readonly GraphOperand[];
  readonly outputNames: readonly string[];
  readonly outputs: readonly GraphValue[];
  readonly attrs: Readonly<Record<string, unknown>>;
  /** Names of attributes that are run-time scalars (numbers, or lists of integers). */
  readonly scalarAttrs: ReadonlySet<string>;
  /** Draws from the random stream or acts outside: never merged, dropped or reordered with its like. */
  readonly effect: boolean;
  /** Operands of which only shape and dtype are used. */
  readonly ghosts: ReadonlySet<number>;
  /** For each output the operand whose memory it overwrites, if any. */
  readonly inplace: readonly (number | undefined)[];
  /** The dtype operands are brought to before a `lower` body; undefined: each its own. */
  readonly compute: DType | undefined;
}
