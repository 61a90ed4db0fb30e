// The op record: everything that is true of an op, in one place; `defineOp` gives it types.

import type { DType } from "../core/dtype.js";
import type { Shape } from "../core/shape.js";
import type { ComplexExpr, HostBody, KernelContext, OutRef, ReduceBody, Ref, TensorType } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import type { Value } from "./value.js";

/** An attribute whose value reaches kernels at run time: changing it compiles nothing. */
export interface ScalarAttr<T extends number | readonly number[]> {
  readonly kind: "scalar";
  readonly fallback: T | undefined;
}

/** An attribute that shapes the code. */
export interface FixedAttr<T> {
  readonly kind: "fixed";
  readonly fallback: T | undefined;
}

/** A number that kernels take as an argument, in the type the op computes in. */
export const scalar = (fallback?: number): ScalarAttr<number> => ({ kind: "scalar", fallback });

/** A list of integers that kernels take as arguments; its length shapes the code. */
export const integers = (fallback?: readonly number[]): ScalarAttr<readonly number[]> => ({ kind: "scalar", fallback });

/** Any value that decides what code is made. */
export const fixed = <T>(fallback?: T): FixedAttr<T> => ({ kind: "fixed", fallback });

/** Declarations of attributes by name. */
export type AttrSpecs = Readonly<
  Record<string, ScalarAttr<number> | ScalarAttr<readonly number[]> | FixedAttr<unknown>>
>;

/** Attribute values as callers, `infer` and `grad` see them. */
export type AttrsOf<S> = {
  readonly [N in keyof S]: S[N] extends FixedAttr<infer T> ? T : S[N] extends ScalarAttr<infer T> ? T : never;
};

/** Attribute values as kernel bodies see them: run-time scalars are expressions. */
export type BodyAttrsOf<S> = {
  readonly [N in keyof S]: S[N] extends FixedAttr<infer T>
    ? T
    : S[N] extends ScalarAttr<number>
      ? Expr
      : readonly Expr[];
};

type Bare<N extends string> = N extends `${infer B}?` ? B : N extends `${infer B}*` ? B : N;
type Held<N extends string, T> = N extends `${string}?` ? T | undefined : N extends `${string}*` ? readonly T[] : T;

/** Operands by name: `x` one, `x?` one or undefined, `xs*` a list (last). */
export type Operands<I extends readonly string[], T> = { readonly [N in I[number] as Bare<N>]: Held<N, T> };

/** An operand as `infer` sees it: `weak` holds the number when a number was given in place of a tensor. */
export interface InferInput extends TensorType {
  readonly weak?: number;
}

/** What `infer` gives: the outputs, and the dtype operands are brought to before a `lower` body (undefined: each its own). */
export interface Inferred<O extends string> {
  readonly outs: Readonly<Record<O, TensorType>>;
  readonly compute?: DType | undefined;
}

/** What a gradient rule knows beside saved values: attributes, and shape and dtype of every operand and output. */
export interface GradContext<I extends readonly string[], S, O extends string> {
  readonly attrs: AttrsOf<S>;
  /** Operands and outputs without their data: shape and dtype, and usable where an op declares the operand in `ghosts`. */
  readonly meta: Operands<I, Value> & { readonly [N in O]: Value };
}

/** Gradients by input name, each a thunk that runs only when that input needs one; null: none flows. */
export type GradThunks<I extends readonly string[]> = {
  readonly [N in I[number] as Bare<N>]?: N extends `${string}*` ? () => readonly (Value | null)[] : () => Value | null;
};

/** How tests exercise an op. */
export interface OpCheck {
  /** The value by plain numbers, element by element (element-wise ops). */
  readonly reference?: (...x: number[]) => number;
  /** Interval operands are drawn from; one for all or one for each. */
  readonly domain?: readonly [number, number] | readonly (readonly [number, number])[];
  /** Calls to try: operand shapes (or explicit numbers with shape), attributes, and the value by an independent formula. */
  readonly samples?: readonly OpSample[];
  /** Operand dtypes to try beside float32 and float64. */
  readonly dtypes?: readonly DType[];
  /** Why the gradient is not compared with central differences, when it is not. */
  readonly noGradCheck?: string;
}

/** An operand of a sample: a shape filled at random in the domain, or explicit data. */
export type SampleOperand =
  | Shape
  | { readonly shape: Shape; readonly data: readonly number[]; readonly dtype?: DType }
  | undefined;

/** One call of an op in the table test. */
export interface OpSample {
  readonly inputs: readonly (SampleOperand | readonly SampleOperand[])[];
  readonly attrs?: Readonly<Record<string, unknown>>;
  /** The outputs by an independent formula on plain numbers, in output order. */
  readonly expect?: (...inputs: readonly Plain[]) => readonly Plain[] | Plain;
}

/** A tensor as plain numbers. */
export interface Plain {
  readonly shape: Shape;
  readonly data: readonly number[];
}

/** The typed form of a record; {@link OpRecord} is what the engine sees. */
export interface OpDefinition<I extends readonly string[], O extends string, S extends AttrSpecs, V extends string> {
  /** Paddle's phi / PIR name. */
  readonly name: string;
  /** Operand names in order: `x`, `y?` optional, `xs*` a list (last). */
  readonly inputs: I;
  readonly outputs: readonly O[];
  readonly attrs: S;
  /** Shapes and dtypes of the outputs; throws typed errors on bad operands. */
  readonly infer: (inputs: Operands<I, InferInput>, attrs: AttrsOf<S>) => Inferred<O>;
  /** Form 1: a scalar expression of operands at the same index, broadcast. */
  readonly lower?: (k: K, inputs: Operands<I, Expr>, attrs: BodyAttrsOf<S>) => Readonly<Record<O, Expr>>;
  /** With `lower`: the same for complex operands. */
  readonly complex?:
    | ((k: K, inputs: Operands<I, ComplexExpr>, attrs: BodyAttrsOf<S>) => Readonly<Record<O, ComplexExpr>>)
    | undefined;
  /** Form 2: the element at an index, as an expression of operands at any index (movement, generation). */
  readonly element?: (
    k: K,
    inputs: Operands<I, Ref>,
    attrs: BodyAttrsOf<S>,
    index: readonly Expr[],
    out: Pick<Ref, "extent" | "rank" | "type">,
  ) => Expr;
  /** With `element`: the output is the first operand's bytes in the same order (reshape and its kin), so they share memory. */
  readonly view?: boolean;
  /** Form 3: a reduction; the record has fixed attributes `axes` (normalised, sorted) and `keepdim`. */
  readonly reduce?: ReduceBody;
  /** Form 4: a body in public ops, which the engine fuses. */
  readonly compose?: (inputs: Operands<I, Value>, attrs: AttrsOf<S>) => Readonly<Record<O, Value>>;
  /** Form 5: loop nests in the kernel language. */
  readonly kernel?: (
    b: KernelContext,
    inputs: Operands<I, Ref>,
    outs: Readonly<Record<O, OutRef>>,
    attrs: BodyAttrsOf<S>,
  ) => void;
  /**
   * With `kernel`: `loads`: operands are read about once through `at`/`flat`; `stores`: the only output is set once and not read back;
   * "rows": along rows in order, so that ops of several results may ride along.
   */
  readonly fuses?: { readonly loads?: boolean; readonly stores?: boolean | "rows" };
  /** Form 6: a TypeScript function on arrays, for rare algorithms. */
  readonly host?: HostBody;
  /** Names of inputs and outputs the gradient sees. */
  readonly saves?: readonly V[];
  /**
   * The reverse rule in public ops; or null: no gradient flows (stated, not implied); or "parts" on a `compose` op: the gradient of its
   * body; or "refused": there is one, but no rule for it (gradients fused by hand), and asking for it is an error. Broadcasting and casts
   * are undone by the tape.
   */
  readonly grad:
    | ((
        saved: Pick<
          Operands<I, Value> & { readonly [N in O]: Value },
          V & keyof (Operands<I, Value> & { readonly [N in O]: Value })
        >,
        d: { readonly [N in O]: Value },
        context: GradContext<I, S, O>,
      ) => GradThunks<I>)
    | "parts"
    | "refused"
    | null;
  /** Operands of which only shape and dtype are used, never data. */
  readonly ghosts?: readonly string[];
  /** Outputs that overwrite an operand's memory, by name. */
  readonly inplace?: Readonly<Partial<Record<O, string>>>;
  /** Draws from the random stream: never merged, removed or computed twice. */
  readonly random?: boolean;
  readonly check: OpCheck;
}

/** A record as the engine sees it; made by {@link defineOp}. */
export interface OpRecord {
  readonly name: string;
  /** Small dense number, for cache keys. */
  readonly id: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: AttrSpecs;
  readonly infer: (
    inputs: Readonly<Record<string, unknown>>,
    attrs: Readonly<Record<string, unknown>>,
  ) => Inferred<string>;
  readonly body: OpBody;
  readonly saves: readonly string[];
  readonly grad:
    | ((
        saved: Readonly<Record<string, unknown>>,
        d: Readonly<Record<string, Value>>,
        context: unknown,
      ) => Readonly<Record<string, (() => unknown) | undefined>>)
    | "parts"
    | "refused"
    | null;
  readonly ghosts: readonly string[];
  readonly inplace: Readonly<Record<string, string | undefined>>;
  readonly random: boolean;
  readonly check: OpCheck;
  /** Names of run-time scalar attributes. */
  readonly scalarAttrs: ReadonlySet<string>;
}

/** The computing part of a record: a body of the fusion graph, or a composition. */
export type OpBody =
  | import("../fuse/body.js").Body
  | {
      readonly form: "compose";
      readonly compose: (
        inputs: Readonly<Record<string, unknown>>,
        attrs: Readonly<Record<string, unknown>>,
      ) => Readonly<Record<string, Value>>;
    };
