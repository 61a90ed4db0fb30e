// KeptValues: costly values of a row that one pass over it computes and later ones read again, in memory of the thread.

import type { Buf, Expr } from "../kernel/expr.js";
import type { GraphNode, GraphValue } from "./body.js";
import type { Emitter } from "./emitter.js";
import type { Evaluator } from "./evaluate.js";

/** Elements of a row up to which its values are kept: 32 KiB of float32 stay in the first-level cache. */
const longestRow = 8192;

/** Distinct operations from which a value costs more than writing and reading it: an `exp` has about 25, a product 1. */
const costlyOps = 16;

/** Values of one row by column. A nest asks for them inside its loops over columns: softmax so computes each `exp` once. */
export class KeptValues {
  private readonly buffers = new Map<string, Buf>();

  constructor(
    private readonly emitter: Emitter,
    private readonly evaluator: Evaluator,
    /** The nest's nodes when all are element-wise or reductions: others could read a value at another column than the loop's. */
    private readonly nodes: readonly GraphNode[],
  ) {}

  /** Keeps a value of the column when that pays; gives it, computed once. */
  keep(value: GraphValue, part: number, x: Expr, col: Expr, cols: Expr): Expr {
    const key = `${value.id}:${part}`;
    const known = cols.op === "const" && (cols.value as number) <= longestRow;
    if (!known || this.nodes.length === 0 || this.buffers.has(key) || !isCostly(x)) return x;
    if (x.type !== "f32" && x.type !== "f64") return x;
    const buffer = this.emitter.local("kept", x.type, cols.value as number);
    this.buffers.set(key, buffer);
    const once = this.emitter.let(x);
    this.emitter.store(buffer, col, once);
    return once;
  }

  /** Makes the evaluator read what is kept at a column, until `forget`. */
  recall(col: Expr): void {
    for (const [key, buffer] of this.buffers) this.evaluator.known.set(key, this.emitter.load(buffer, col));
  }

  /** Ends what `recall` began: outside of the loop there is no column. */
  forget(): void {
    for (const key of this.buffers.keys()) this.evaluator.known.delete(key);
  }
}

/** Whether an expression has many distinct operations; loads end the count, since what they read is there already. */
function isCostly(x: Expr): boolean {
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.size > costlyOps || seen.has(e) || e.args.length === 0 || e.op === "load") return;
    seen.add(e);
    e.args.forEach(visit);
  };
  visit(x);
  return seen.size > costlyOps;
}
