// The reduction nest: one reduction over any axes, with what feeds it fused in; large ones combine fixed chunks in two launches.

import { BugError } from "../core/errors.js";
import { sizeOf } from "../core/shape.js";
import { type Expr, constant } from "../kernel/expr.js";
import { ceilDiv, product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { identityOf } from "../kernel/vectorize.js";
import type { GraphNode, GraphValue, ReduceBody } from "./body.js";
import { type EmitOptions, Emitter, type Nest, blockElements } from "./emitter.js";
import { Evaluator } from "./evaluate.js";
import { mergeAxes, unravel, viewOf } from "./map-nest.js";
import { computeOf, convert, memOf, partsOf } from "./types.js";

/** A reduction with the element-wise ops that are computed on the way in. */
export interface ReduceGroup {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly reduction: GraphNode;
}

/** Columns that one block of a reduction over leading axes handles. */
const columnBlock = 256;

/** Emits a reduction over any axes. */
export function emitReduceNest(group: ReduceGroup, options: EmitOptions): Nest {
  return new ReduceNest(group, options).emit();
}

class ReduceNest {
  private readonly e: Emitter;
  private readonly eval: Evaluator;
  private readonly input: GraphValue;
  private readonly out: GraphValue;
  private readonly body: ReduceBody;
  private readonly axes: readonly (readonly number[])[];
  private readonly reduced: readonly boolean[];

  constructor(group: ReduceGroup, options: EmitOptions) {
    const { reduction } = group;
    if (reduction.body.form !== "reduce") throw new BugError(`${reduction.name} is not a reduction`);
    this.e = new Emitter(group.name, options);
    this.body = reduction.body.reduce;
    this.input = reduction.operands[0] as GraphValue;
    this.out = reduction.outputs[0]!;
    const over = new Set(reduction.attrs["axes"] as readonly number[]);
    const producers = new Map<number, GraphNode>();
    const leaves: GraphValue[] = [];
    for (const node of group.nodes) {
      if (node === reduction) continue;
      for (const out of node.outputs) producers.set(out.id, node);
    }
    for (const node of group.nodes)
      for (const o of node.operands) if (typeof o === "object" && !producers.has(o.id)) leaves.push(o);
    const merge = group.nodes.every((n) => n.body.form !== "element");
    const rank = this.input.shape.length;
    this.axes = merge
      ? mergeAxes(this.input, leaves, (a) => a > 0 && over.has(a) !== over.has(a - 1))
      : this.input.shape.map((_, a) => [a]);
    this.reduced = this.axes.map((list) => over.has(list[0]!));
    this.eval = new Evaluator(this.e, producers, merge ? (v) => viewOf(v, this.axes, rank) : undefined);
  }

  emit(): Nest {
    const lastKept = this.reduced.length > 0 && !this.reduced.at(-1);
    if (lastKept && this.reduced.some((r) => r)) this.columns();
    else if (this.reduced.every((r) => r) && sizeOf(this.input.shape) > blockElements && this.foldable()) this.chunks();
    else this.rows();
    return this.e.nest();
  }

  private extents(which: boolean): Expr[] {
    return this.axes.filter((_, i) => this.reduced[i] === which).map((list) => this.e.extent(this.input, list));
  }

  private get parts(): number {
    return partsOf(this.out.dtype);
  }

  private get type() {
    return computeOf(this.out.dtype);
  }

  /** Puts the coordinates of kept and reduced axes back in order. */
  private weave(kept: readonly Expr[], reduced: readonly Expr[]): Expr[] {
    let i = 0;
    let j = 0;
    return this.reduced.map((r) => (r ? reduced[j++]! : kept[i++]!));
  }

  private element(index: readonly Expr[], part: number): Expr {
    const x = convert(this.eval.at(this.input, index, part), this.out.dtype);
    return this.body.map?.(k, x) ?? x;
  }

  private finished(acc: Expr): Expr {
    const count = product(this.extents(true));
    return this.body.finish?.(k, acc, k.cast(count, acc.type)) ?? acc;
  }

  /** Reduced axes last (or all): one result at a time, its elements in vectors. */
  private rows(): void {
    const { e } = this;
    const kept = this.extents(false);
    const reduced = this.extents(true);
    const rows = product(kept);
    const cols = product(reduced);
    const perBlock = k.max(constant("i32", 1), k.divIndex(constant("i32", blockElements), k.max(cols, 1)));
    e.parallel(ceilDiv(rows, perBlock), (block) => {
      const from = e.let(k.mul(block, perBlock));
      e.for(from, e.let(k.min(k.add(from, perBlock), rows)), (row) => {
        this.eval.newScope();
        const outer = unravel(row, kept);
        const accs = Array.from({ length: this.parts }, () =>
          e.variable(identityOf(this.body.combine, this.type), "acc"),
        );
        this.overReduced(reduced, (inner) =>
          accs.forEach((acc, part) =>
            e.accumulate(acc, this.body.combine, this.element(this.weave(outer, inner), part)),
          ),
        );
        accs.forEach((acc, part) => e.write(this.out, row, part, this.finished(acc.value)));
      });
    });
  }

  /** Loops over all reduced axes but the last, and over the last in vectors. */
  private overReduced(extents: readonly Expr[], body: (index: Expr[]) => void): void {
    const { e } = this;
    if (extents.length === 0) {
      this.eval.newScope();
      body([]);
      return;
    }
    const outer = extents.slice(0, -1);
    e.for(0, product(outer), (o) => {
      e.lanes(0, extents.at(-1)!, (i) => {
        this.eval.newScope();
        body([...unravel(o, outer), i]);
      });
    });
  }

  /** The last axis is kept: neighbouring results side by side in vectors, the reduced axes in a serial loop. */
  private columns(): void {
    const { e } = this;
    const kept = this.extents(false);
    const reduced = this.extents(true);
    const cols = kept.at(-1)!;
    const rows = product(kept.slice(0, -1));
    const count = product(reduced);
    const chunks = ceilDiv(cols, constant("i32", columnBlock));
    e.parallel(k.mul(rows, chunks), (block) => {
      const row = e.let(k.divIndex(block, chunks));
      const from = e.let(k.mul(k.remIndex(block, chunks), columnBlock));
      const whole = cols.op === "const" && (cols.value as number) % columnBlock === 0;
      const to = whole ? k.add(from, columnBlock) : e.let(k.min(k.add(from, columnBlock), cols));
      const outer = unravel(row, kept.slice(0, -1));
      const column = (col: Expr): void => {
        const accs = Array.from({ length: this.parts }, () =>
          e.variable(identityOf(this.body.combine, this.type), "acc"),
        );
        e.for(0, count, (r) => {
          this.eval.newScope();
          const index = this.weave([...outer, col], unravel(r, reduced));
          accs.forEach((acc, part) => e.accumulate(acc, this.body.combine, this.element(index, part)));
        });
        const position = k.add(k.mul(row, cols), col);
        accs.forEach((acc, part) => e.write(this.out, position, part, this.finished(acc.value)));
      };
      e.lanes(from, to, column, e.target.vectors);
    });
  }

  /** Whether a chunked reduction can be read by position. */
  private foldable(): boolean {
    return this.axes.length === 1 && this.parts === 1;
  }

  /** Everything to one number: fixed chunks, then the chunks. */
  private chunks(): void {
    const { e } = this;
    const size = product(this.extents(true));
    const chunk = constant("i32", blockElements);
    const count = ceilDiv(size, chunk);
    const mem = memOf(this.out.dtype);
    const half = mem === "u16";
    const partial = e.temp("partial", half ? "f32" : mem === "u8" ? "i32" : mem, count);
    e.parallel(count, (block) => {
      const from = e.let(k.mul(block, chunk));
      const to = e.let(k.min(k.add(from, chunk), size));
      this.eval.newScope();
      const sum = e.reduce(this.body.combine, this.type, from, to, (i) => {
        this.eval.newScope();
        return this.element([i], 0);
      });
      e.store(partial, block, k.cast(sum, partialType(partial.mem)));
    });
    e.parallel(1, () => {
      const sum = e.reduce(this.body.combine, this.type, 0, count, (i) => k.cast(e.load(partial, i), this.type));
      e.write(this.out, constant("i32", 0), 0, this.finished(sum));
    });
  }
}

const partialType = (mem: string): "f32" | "f64" | "i64" | "i32" =>
  mem === "f32" || mem === "f64" || mem === "i64" ? mem : "i32";
