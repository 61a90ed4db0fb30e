// Evaluator: the element of any value at any index as one expression, through all ops of a nest that have no memory of their own.

import { BugError } from "../core/errors.js";
import { type Expr, cast, constant, isMask } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import type { ComplexExpr, GraphNode, GraphOperand, GraphValue, LowerBody, Ref } from "./body.js";
import { type Emitter, attrType } from "./emitter.js";
import { computeOf, convert, isPlain, partsOf, roundTo } from "./types.js";

const zero = constant("i32", 0);

/**
 * A view of all values of a nest over one list of merged axes: `axes[i]` are the value's own axes that make up merged axis i, in
 * order; none where it is broadcast. Without a view every value is indexed by its own axes.
 */
export type AxisView = (value: GraphValue) => readonly (readonly number[])[];

/** Evaluates values inside a nest. */
export class Evaluator {
  /** Values that are already at hand in this place of the nest, whatever the index: results of row reductions. */
  readonly known = new Map<string, Expr>();
  private readonly memo = new Map<string, Expr>();
  private readonly complexMemo = new Map<string, Readonly<Record<string, ComplexExpr>>>();
  private readonly severalMemo = new Map<string, Readonly<Record<string, Expr>>>();
  private readonly ids = new Map<Expr, number>();
  /** Values of one element that were read at the start of the block. */
  private readonly single = new Map<string, Expr>();

  constructor(
    readonly emitter: Emitter,
    private readonly producers: ReadonlyMap<number, GraphNode>,
    private readonly view: AxisView | undefined,
  ) {}

  /** Forgets evaluated expressions: call when loop variables change scope. */
  newScope(): void {
    this.memo.clear();
    this.complexMemo.clear();
    this.severalMemo.clear();
  }

  /**
   * Reads values of one element once, where it is called, for all places inside: what depends on them alone leaves the loops. They must
   * not be written by the nest.
   */
  readAhead(values: Iterable<GraphValue>): void {
    for (const v of values) {
      for (let part = 0; part < partsOf(v.dtype); part++)
        this.single.set(`${v.id}:${part}`, this.emitter.let(this.emitter.read(v, zero, part)));
    }
  }

  /** One part of the element of `value` at `index`. */
  at(value: GraphValue, index: readonly Expr[], part = 0): Expr {
    const known = this.known.get(`${value.id}:${part}`);
    if (known) return known;
    const producer = this.producers.get(value.id);
    if (!producer)
      return this.single.get(`${value.id}:${part}`) ?? this.emitter.read(value, this.position(value, index), part);
    const key = `${value.id}:${part}:${index.map((e) => this.idOf(e)).join()}`;
    let x = this.memo.get(key);
    if (!x) {
      x = this.compute(producer, value, index, part);
      this.memo.set(key, x);
    }
    return x;
  }

  private idOf(e: Expr): number {
    let id = this.ids.get(e);
    if (id === undefined) {
      id = this.ids.size;
      this.ids.set(e, id);
    }
    return id;
  }

  /** Row-major position of an index. */
  position(value: GraphValue, index: readonly Expr[]): Expr {
    const axes = this.view ? this.view(value) : value.shape.map((_, i) => [i]);
    let position: Expr = zero;
    let after: number[] = [];
    for (let i = axes.length - 1; i >= 0; i--) {
      const own = axes[i]!;
      if (own.length > 0) position = k.add(position, k.mul(index[i]!, this.emitter.extent(value, after)));
      after = [...own, ...after];
    }
    return position;
  }

  private compute(node: GraphNode, value: GraphValue, index: readonly Expr[], part: number): Expr {
    const { body } = node;
    if (body.form === "element") {
      const out = this.refOf(value, part);
      const attrs = this.emitter.attrs(node, computeOf(value.dtype));
      const x = body.element(k, this.refs(node, part), attrs, index, out);
      return roundTo(value.dtype, x);
    }
    if (body.form !== "lower") throw new BugError(`${node.name} cannot be evaluated inside a nest`);
    const complex =
      partsOf(value.dtype) === 2 || node.operands.some((o) => typeof o === "object" && partsOf(o.dtype) === 2);
    const name = node.outputNames[node.outputs.indexOf(value)]!;
    if (complex) {
      const both = this.complexOf(node, index)[name]!;
      return roundTo(value.dtype, part === 0 ? both.re : both.im);
    }
    const x = this.lowered(node, body.lower, index)[name];
    if (!x) throw new BugError(`lower of ${node.name} gives no ${name}`);
    return roundTo(value.dtype, x);
  }

  /** All outputs of an element-wise op at an index; computed once where there are several. */
  private lowered(node: GraphNode, lower: LowerBody, index: readonly Expr[]): Readonly<Record<string, Expr>> {
    const compute = (): Readonly<Record<string, Expr>> =>
      lower(
        k,
        this.named(node, (o, i) => this.operand(node, o, i, index)),
        this.emitter.attrs(node, attrType(node)),
      );
    if (node.outputs.length === 1) return compute();
    const key = `${node.outputs[0]!.id}:${index.map((e) => this.idOf(e)).join()}`;
    let outs = this.severalMemo.get(key);
    if (!outs) {
      outs = compute();
      this.severalMemo.set(key, outs);
    }
    return outs;
  }

  private complexOf(node: GraphNode, index: readonly Expr[]): Readonly<Record<string, ComplexExpr>> {
    const key = `${node.outputs[0]!.id}:${index.map((e) => this.idOf(e)).join()}`;
    let outs = this.complexMemo.get(key);
    if (!outs) {
      if (node.body.form !== "lower" || !node.body.complex) throw new BugError(`${node.name} has no complex form`);
      const operands = this.named(node, (o, i): ComplexExpr => {
        const re = this.operand(node, o, i, index);
        const two = typeof o === "object" && partsOf(o.dtype) === 2;
        return { re, im: two ? this.operand(node, o, i, index, 1) : constant(re.type, 0) };
      });
      outs = node.body.complex(k, operands, this.emitter.attrs(node, attrType(node)));
      this.complexMemo.set(key, outs);
    }
    return outs;
  }

  private operand(node: GraphNode, operand: GraphOperand, i: number, index: readonly Expr[], part = 0): Expr {
    const type = node.compute === undefined ? undefined : computeOf(node.compute);
    if (typeof operand === "number") return this.emitter.operand(node, i, type ?? attrType(node));
    const x = this.at(operand!, this.view ? index : aligned(operand!, index), part);
    return type === undefined ? x : isMask(x.type) && isMask(type) ? x : cast(x, type);
  }

  /** Operands by name, lists gathered. */
  private named<T>(node: GraphNode, make: (o: GraphOperand, i: number) => T): Record<string, T | T[] | undefined> {
    const out: Record<string, T | T[] | undefined> = {};
    node.names.forEach((raw, i) => {
      if (raw.endsWith("*")) out[raw.slice(0, -1)] = node.operands.slice(i).map((o, j) => make(o, i + j));
      else {
        const name = raw.endsWith("?") ? raw.slice(0, -1) : raw;
        const o = node.operands[i];
        out[name] = o === undefined ? undefined : make(o, i);
      }
    });
    return out;
  }

  /** The operands of a node as bodies see them. */
  refs(node: GraphNode, part = 0): Record<string, Ref | Ref[] | undefined> {
    return this.named(node, (o, i) => {
      if (typeof o === "number") return this.numberRef(node, i);
      return this.refOf(o!, part);
    });
  }

  private numberRef(node: GraphNode, i: number): Ref {
    const dtype = node.compute ?? node.outputs[0]!.dtype;
    const x = this.emitter.operand(node, i, computeOf(dtype));
    const one = constant("i32", 1);
    return { dtype, type: x.type, rank: 0, extent: () => one, size: one, at: () => x, flat: () => x, buf: undefined };
  }

  /** A value as bodies see it. */
  refOf(value: GraphValue, part = 0): Ref {
    const { emitter } = this;
    const rank = value.shape.length;
    const leaf = !this.producers.has(value.id);
    return {
      dtype: value.dtype,
      type: computeOf(value.dtype),
      rank,
      extent: (axis) => emitter.extent(value, [axis]),
      get size() {
        return emitter.size(value);
      },
      at: (...index) => this.at(value, index, part),
      flat: (position) =>
        leaf ? emitter.read(value, position, part) : this.at(value, this.unravel(value, position), part),
      get buf() {
        return leaf && isPlain(value.dtype) ? emitter.touch(value, "read") : undefined;
      },
    };
  }

  /** The index of a row-major position. */
  unravel(value: GraphValue, position: Expr): Expr[] {
    const index: Expr[] = [];
    let rest = position;
    for (let axis = value.shape.length - 1; axis > 0; axis--) {
      const extent = this.emitter.extent(value, [axis]);
      index.unshift(k.remIndex(rest, extent));
      rest = k.divIndex(rest, extent);
    }
    if (value.shape.length > 0) index.unshift(rest);
    return index;
  }

  /** Converts to the type of a value. */
  convert(x: Expr, value: GraphValue): Expr {
    return convert(x, value.dtype);
  }
}

/** The index of a broadcast operand: aligned at the end, 0 where its extent is 1. */
function aligned(operand: GraphValue, index: readonly Expr[]): Expr[] {
  const skip = index.length - operand.shape.length;
  return operand.shape.map((n, i) => (n === 1 ? zero : index[i + skip]!));
}
