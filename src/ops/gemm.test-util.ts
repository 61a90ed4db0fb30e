// Runs the matrix multiplication kernel on arrays, on any target: for its tests and its bench.

import { BugError } from "../core/errors.js";
import type { Heap } from "../device/heap.js";
import { type Target, launchEntry } from "../device/target.js";
import type { GraphValue } from "../fuse/body.js";
import { Emitter } from "../fuse/emitter.js";
import { Evaluator } from "../fuse/evaluate.js";
import { targetFactsOf } from "../fuse/target-facts.js";
import { type Expr, constant, memBytes } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import type { Kernel } from "../kernel/stmt.js";
import { type GemmOperand, type GemmSpec, emitGemm, matrixOperand } from "./gemm.js";

/** Sizes and layout of a product of batches of matrices. */
export interface GemmProblem {
  readonly type: GemmSpec["type"];
  readonly batches: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Sizes as arguments instead of constants. */
  readonly generic?: boolean;
  /** Operands read through `at` alone, as fused producers are. */
  readonly opaque?: boolean;
}

type Values = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** A compiled product with its memory. */
export interface GemmRun {
  readonly kernels: readonly Kernel[];
  /** The operands' and the result's memory; views of the heap, read anew after any allocation. */
  readonly a: Values;
  readonly b: Values;
  readonly c: Values;
  /** Number of blocks of the launch. */
  readonly blocks: number;
  run(threads?: number): void;
  /** Runs `times` launches in one call. */
  repeat(times: number, threads?: number): void;
}

const dtypes = { f32: "float32", f64: "float64", i32: "int32", i64: "int64" } as const;

/** Compiles `C = A · B` for a target and gives it memory. */
export function compileGemm(p: GemmProblem, heap: Heap, target: Target, facts = targetFactsOf(target)): GemmRun {
  const shapeOf = (rows: number, columns: number, turned = false): number[] =>
    turned ? [p.batches, columns, rows] : [p.batches, rows, columns];
  const dtype = dtypes[p.type];
  const values: readonly GraphValue[] = [
    { id: 0, dtype, shape: shapeOf(p.m, p.k, p.transposeA) },
    { id: 1, dtype, shape: shapeOf(p.k, p.n, p.transposeB) },
    { id: 2, dtype, shape: shapeOf(p.m, p.n) },
  ];
  const e = new Emitter("gemm", { target: facts, generic: p.generic ?? false, nodeIndex: new Map() });
  emitGemm(e, specOf(p, e, values));
  const nest = e.nest();
  const compiled = target.compile(nest.kernels);
  const addresses = values.map((v) =>
    heap.alloc(
      Math.max(
        1,
        v.shape.reduce((x, y) => x * y, 1),
      ) * memBytes[p.type],
    ),
  );
  const scratch = heap.alloc(Math.max(...compiled.map((f) => f.scratchBytes)) * target.threads + 64);
  const args = heap.alloc(nest.slots.length * 8 + 8);
  nest.slots.forEach((source, slot) => {
    const at = args / 4 + slot * 2;
    if (source.kind === "buffer") heap.views.u32[at] = addresses[source.value]!;
    else if (source.kind === "scratch") heap.views.u32[at] = scratch;
    else if (source.kind === "extent") {
      heap.views.i32[at] = source.axes.reduce((x, axis) => x * values[source.value]!.shape[axis]!, 1);
    } else throw new BugError(`no filling for ${source.kind}`);
  });
  const blocks = nest.kernels.map((kernel) => evaluate(kernel.blocks, (slot) => heap.views.i32[args / 4 + slot * 2]!));
  const tables = new Map<number, number>();
  const tableFor = (times: number): number => {
    const known = tables.get(times);
    if (known !== undefined) return known;
    const table = heap.alloc(times * compiled.length * launchEntry.bytes);
    for (let i = 0; i < times * compiled.length; i++) {
      const at = table + i * launchEntry.bytes;
      const which = i % compiled.length;
      heap.views.i64[(at + launchEntry.fn) / 8] = BigInt(compiled[which]!.fn);
      heap.views.u32[(at + launchEntry.args) / 4] = args;
      heap.views.u32[(at + launchEntry.blocks) / 4] = blocks[which]!;
      heap.views.u32[(at + launchEntry.flags) / 4] = 0;
    }
    tables.set(times, table);
    return table;
  };
  const repeat = (times: number, threads = 1): void => target.launch(tableFor(times), times * compiled.length, threads);
  const view = (i: number): Values => {
    const from = addresses[i]! / memBytes[p.type];
    return heap.views[p.type].subarray(from, from + values[i]!.shape.reduce((x, y) => x * y, 1));
  };
  return {
    kernels: nest.kernels,
    blocks: blocks.reduce((x, y) => x + y, 0),
    get a() {
      return view(0);
    },
    get b() {
      return view(1);
    },
    get c() {
      return view(2);
    },
    run: (threads) => repeat(1, threads),
    repeat,
  };
}

function specOf(p: GemmProblem, e: Emitter, values: readonly GraphValue[]): GemmSpec {
  const evaluator = new Evaluator(e, new Map(), undefined);
  const [x, y, out] = values as [GraphValue, GraphValue, GraphValue];
  const operand = (value: GraphValue, turned = false): GemmOperand => {
    const plain = matrixOperand(evaluator.refOf(value), turned, (batch) => [batch]);
    return p.opaque ? { at: plain.at, inner: plain.inner } : plain;
  };
  return {
    type: p.type,
    batches: e.extent(out, [0]),
    m: e.extent(out, [1]),
    n: e.extent(out, [2]),
    k: e.extent(x, [p.transposeA ? 1 : 2]),
    a: operand(x, p.transposeA),
    b: operand(y, p.transposeB),
    store: (batch, i, j, value) => e.write(out, evaluator.position(out, [batch, i, j]), 0, value),
  };
}

/** The value of an i32 expression of scalar arguments. */
function evaluate(e: Expr, argument: (slot: number) => number): number {
  if (e.op === "const") return Number(e.value);
  if (e.op === "arg") return argument((e.value as { slot: number }).slot);
  const args = e.args.map((a) => evaluate(a, argument));
  if (e.op === "select") return args[0] ? args[1]! : args[2]!;
  if (e.op === "le") return args[0]! <= args[1]! ? 1 : 0;
  if (e.op === "and") return args[0]! & args[1]!;
  const folded = k[e.op as "add"](constant("i32", args[0]!), args[1]!) as Expr;
  const operator = { div: k.divIndex, rem: k.remIndex }[e.op as "div"];
  return Number((operator ? operator(constant("i32", args[0]!), args[1]!) : folded).value);
}

/** `C = A · B` in float64 (or exact integers), by the definition. */
export function plainGemm(p: GemmProblem, a: Values, b: Values): (number | bigint)[] {
  const out: (number | bigint)[] = [];
  const x = (t: number, i: number, d: number): number | bigint =>
    a[t * p.m * p.k + (p.transposeA ? d * p.m + i : i * p.k + d)]!;
  const y = (t: number, d: number, j: number): number | bigint =>
    b[t * p.k * p.n + (p.transposeB ? j * p.k + d : d * p.n + j)]!;
  const whole = p.type === "i32" || p.type === "i64";
  for (let t = 0; t < p.batches; t++)
    for (let i = 0; i < p.m; i++)
      for (let j = 0; j < p.n; j++) {
        if (whole) {
          let sum = 0n;
          for (let d = 0; d < p.k; d++) sum += BigInt(x(t, i, d)) * BigInt(y(t, d, j));
          out.push(p.type === "i64" ? BigInt.asIntN(64, sum) : Number(BigInt.asIntN(32, sum)));
        } else {
          let sum = 0;
          for (let d = 0; d < p.k; d++) sum += Number(x(t, i, d)) * Number(y(t, d, j));
          out.push(sum);
        }
      }
  return out;
}
