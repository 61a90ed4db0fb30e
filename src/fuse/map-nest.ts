// The row nest: element-wise ops and reductions over trailing axes, fused into one pass over each row.

import { BugError } from "../core/errors.js";
import type { Mutable } from "../kernel/builder.js";
import { ceilDiv, product } from "../kernel/extent.js";
import { type Expr, constant } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import type { GraphNode, GraphValue } from "./body.js";
import { type EmitOptions, Emitter, type Nest, blockElements } from "./emitter.js";
import { type AxisView, Evaluator } from "./evaluate.js";
import { KeptValues } from "./kept-values.js";
import { computeOf, partsOf } from "./types.js";
import { identityOf } from "../kernel/vectorize.js";

/** A fused group: members in order, the values that must be stored, and the domain they run over. */
export interface RowGroup {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly GraphValue[];
  /** A value whose shape is the whole domain. */
  readonly domain: GraphValue;
  /** How many leading axes of the domain are rows; the others are reduced by the group's reductions. */
  readonly rowAxes: number;
}

/** Emits a row group as one kernel. */
export function emitRowNest(group: RowGroup, options: EmitOptions): Nest {
  return new RowNest(group, options).emit();
}

class RowNest {
  private readonly e: Emitter;
  private readonly eval: Evaluator;
  /** Axes of the nest: merged domain axes, the last `cols` of them running inside a row. */
  private readonly axes: readonly (readonly number[])[];
  private readonly rowCount: number;
  private readonly reductions: readonly GraphNode[];
  private readonly inGroup = new Map<number, GraphNode>();
  private readonly kept: KeptValues;

  constructor(
    private readonly group: RowGroup,
    options: EmitOptions,
  ) {
    this.e = new Emitter(group.name, options);
    this.reductions = group.nodes.filter((n) => n.body.form === "reduce");
    for (const node of group.nodes) for (const out of node.outputs) this.inGroup.set(out.id, node);
    const merge = group.nodes.every((n) => n.body.form !== "element");
    const rank = group.domain.shape.length;
    const values = [...this.leaves(), ...group.outputs.filter((v) => v.shape.length === rank)];
    this.axes = merge
      ? mergeAxes(group.domain, values, (a) => a === group.rowAxes)
      : group.domain.shape.map((_, a) => [a]);
    const inRows = this.axes.filter((list) => list[0]! < group.rowAxes).length;
    this.rowCount = this.reductions.length > 0 ? inRows : Math.max(0, this.axes.length - 1);
    const view: AxisView = (value) => viewOf(value, this.axes, rank);
    const producers = new Map([...this.inGroup].filter(([, n]) => n.body.form !== "reduce"));
    this.eval = new Evaluator(this.e, producers, merge ? view : undefined);
    this.kept = new KeptValues(this.e, this.eval, merge ? group.nodes : []);
  }

  private leaves(): GraphValue[] {
    const out = new Set<GraphValue>();
    for (const node of this.group.nodes)
      for (const o of node.operands) if (typeof o === "object" && !this.inGroup.has(o.id)) out.add(o);
    return [...out];
  }

  /** Leaves of one element in a larger domain, which so are not written here. */
  private singles(): GraphValue[] {
    const one = (v: GraphValue): boolean => v.shape.every((n) => n === 1);
    return one(this.group.domain) ? [] : this.leaves().filter(one);
  }

  emit(): Nest {
    const { e, group } = this;
    const extents = this.axes.map((axes) => e.extent(group.domain, axes));
    const rows = product(extents.slice(0, this.rowCount));
    const cols = product(extents.slice(this.rowCount));
    const perBlock = k.max(constant("i32", 1), k.divIndex(constant("i32", blockElements), k.max(cols, 1)));
    const rowBlocks = ceilDiv(rows, perBlock);
    if (this.reductions.length > 0) {
      e.parallel(rowBlocks, (block) => {
        this.eval.readAhead(this.singles());
        this.rows(k.mul(block, perBlock), perBlock, rows, (row) => this.reducedRow(row, extents, cols));
      });
    } else {
      const chunk = constant("i32", blockElements);
      const chunks = ceilDiv(cols, chunk);
      // All axes in one: no rows to count.
      const single = this.rowCount === 0;
      e.parallel(single ? chunks : k.mul(rowBlocks, chunks), (block) => {
        this.eval.readAhead(this.singles());
        const from = e.let(k.mul(single ? block : k.remIndex(block, chunks), chunk));
        const to = e.let(k.min(k.add(from, chunk), cols));
        if (single) {
          this.eval.newScope();
          this.stores(constant("i32", 0), extents, from, to);
          return;
        }
        this.rows(k.mul(k.divIndex(block, chunks), perBlock), perBlock, rows, (row) =>
          this.stores(row, extents, from, to),
        );
      });
    }
    return e.nest();
  }

  private rows(first: Expr, count: Expr, all: Expr, body: (row: Expr) => void): void {
    const { e } = this;
    const from = e.let(first);
    e.for(from, e.let(k.min(k.add(from, count), all)), (row) => {
      this.eval.newScope();
      body(row);
    });
  }

  /** The index of the nest's axes at a row and a column. */
  private index(row: Expr, extents: readonly Expr[], col: Expr): Expr[] {
    return [...unravel(row, extents.slice(0, this.rowCount)), ...unravel(col, extents.slice(this.rowCount))];
  }

  /** Evaluates the row's reductions level by level, then stores everything. */
  private reducedRow(row: Expr, extents: readonly Expr[], cols: Expr): void {
    const { e } = this;
    this.eval.known.clear();
    let waiting = [...this.reductions];
    while (waiting.length > 0) {
      const ready = waiting.filter((n) => !this.dependsOn(n, waiting));
      if (ready.length === 0) throw new BugError(`the reductions of ${this.group.name} depend on each other`);
      const accs = ready.map((n) => this.accumulators(n));
      this.eval.newScope();
      e.lanes(0, cols, (col) => {
        this.eval.newScope();
        this.kept.recall(col);
        const index = this.index(row, extents, col);
        ready.forEach((n, i) =>
          accs[i]!.forEach((acc, part) => {
            const operand = n.operands[0] as GraphValue;
            const x = this.eval.at(operand, index, part);
            const again = isFull(operand, this.group) && this.isReadAgain(operand, ready);
            const once = again ? this.kept.keep(operand, part, x, col, cols) : x;
            e.accumulate(acc, reduceOf(n).combine, this.mapped(n, once));
          }),
        );
        this.kept.forget();
      });
      this.eval.newScope();
      ready.forEach((n, i) => accs[i]!.forEach((acc, part) => this.finish(n, acc, cols, part)));
      waiting = waiting.filter((n) => !ready.includes(n));
    }
    this.stores(row, extents, constant("i32", 0), cols);
  }

  /** Whether a value is read by more than some reductions. */
  private isReadAgain(value: GraphValue, reductions: readonly GraphNode[]): boolean {
    const { nodes, outputs } = this.group;
    return outputs.includes(value) || nodes.some((n) => !reductions.includes(n) && n.operands.includes(value));
  }

  private dependsOn(node: GraphNode, others: readonly GraphNode[]): boolean {
    const seen = new Set<GraphNode>();
    const visit = (n: GraphNode): boolean =>
      n.operands.some((o) => {
        const p = typeof o === "object" ? this.inGroup.get(o.id) : undefined;
        if (!p || seen.has(p)) return false;
        seen.add(p);
        return others.includes(p) || visit(p);
      });
    return visit(node);
  }

  private accumulators(node: GraphNode): Mutable[] {
    const out = node.outputs[0]!;
    const initial = identityOf(reduceOf(node).combine, computeOf(out.dtype));
    return Array.from({ length: partsOf(out.dtype) }, () => this.e.variable(initial, "acc"));
  }

  private mapped(node: GraphNode, operand: Expr): Expr {
    const x = this.eval.convert(operand, node.outputs[0]!);
    return reduceOf(node).map?.(k, x) ?? x;
  }

  private finish(node: GraphNode, acc: Mutable, count: Expr, part: number): void {
    const out = node.outputs[0]!;
    const x = reduceOf(node).finish?.(k, acc.value, k.cast(count, acc.value.type)) ?? acc.value;
    this.eval.known.set(`${out.id}:${part}`, this.e.let(this.eval.convert(x, out)));
  }

  /** Stores row values once and full values for each column. */
  private stores(row: Expr, extents: readonly Expr[], from: Expr, to: Expr): void {
    const { e, group } = this;
    const perRow = (v: GraphValue): boolean => this.reductions.length > 0 && !isFull(v, group);
    this.eval.newScope();
    const rowIndex = this.index(row, extents, constant("i32", 0));
    this.storeAll(group.outputs.filter(perRow), rowIndex, row);
    const full = group.outputs.filter((v) => !perRow(v));
    if (full.length === 0) return;
    e.lanes(from, to, (col) => {
      this.eval.newScope();
      this.kept.recall(col);
      this.storeAll(full, this.index(row, extents, col));
      this.kept.forget();
    });
    this.eval.newScope();
  }

  /** All values are read before any is written, so that an output may share memory with an input. */
  private storeAll(values: readonly GraphValue[], index: readonly Expr[], row?: Expr): void {
    const { e } = this;
    const pending = values.flatMap((v) =>
      Array.from({ length: partsOf(v.dtype) }, (_, part) => {
        const x = e.let(this.eval.at(v, index, part));
        return { v, part, x, position: row ?? this.eval.position(v, index) };
      }),
    );
    for (const { v, part, x, position } of pending) e.write(v, position, part, x);
  }
}

const reduceOf = (node: GraphNode) => {
  if (node.body.form !== "reduce") throw new BugError(`${node.name} is not a reduction`);
  return node.body.reduce;
};

/** Whether a value has the shape of the whole domain (not of its rows). */
function isFull(value: GraphValue, group: RowGroup): boolean {
  const { shape } = group.domain;
  if (value.shape.length !== shape.length) return false;
  return value.shape.every((n, i) => n === shape[i]);
}

/** Row-major coordinates of a position; the first is not reduced. */
export function unravel(position: Expr, extents: readonly Expr[]): Expr[] {
  const out: Expr[] = [];
  let rest = position;
  for (let i = extents.length - 1; i > 0; i--) {
    out.unshift(k.remIndex(rest, extents[i]!));
    rest = k.divIndex(rest, extents[i]!);
  }
  if (extents.length > 0) out.unshift(rest);
  return out;
}

/** Which axes of a value stand for each merged axis of the domain: aligned at the end, none where it is broadcast. */
export function viewOf(value: GraphValue, axes: readonly (readonly number[])[], rank: number): number[][] {
  const skip = rank - value.shape.length;
  return axes.map((list) => list.map((a) => a - skip).filter((a) => a >= 0 && value.shape[a] !== 1));
}

/**
 * Merges neighbouring axes that every value either has both or broadcasts both, never across `boundaries`; axes of extent 1 drop out.
 */
export function mergeAxes(
  domain: GraphValue,
  values: readonly GraphValue[],
  boundary: (axis: number) => boolean,
): number[][] {
  const rank = domain.shape.length;
  const has = (v: GraphValue, axis: number): boolean => viewOf(v, [[axis]], rank)[0]!.length > 0;
  const axes: number[][] = [];
  let open = true;
  for (let a = 0; a < rank; a++) {
    if (boundary(a)) open = false;
    if (domain.shape[a] === 1) continue;
    const last = axes.at(-1);
    if (last && open && values.every((v) => has(v, last.at(-1)!) === has(v, a))) last.push(a);
    else axes.push([a]);
    open = true;
  }
  return axes;
}
