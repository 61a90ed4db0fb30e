// The nest of a `kernel` op: its own loops, with element-wise producers read through and element-wise consumers fused into the stores.

import { BugError } from "../core/errors.js";
import type { Expr } from "../kernel/expr.js";
import type { GraphNode, GraphValue, OutRef } from "./body.js";
import { type EmitOptions, Emitter, type Nest, attrType } from "./emitter.js";
import { Evaluator } from "./evaluate.js";
import { computeOf, isPlain, partsOf } from "./types.js";

/** A kernel op, the ops inlined into its loads, and the chain applied to each element it stores. */
export interface KernelGroup {
  readonly name: string;
  readonly node: GraphNode;
  readonly prologue: readonly GraphNode[];
  /** Element-wise ops on the single output, in order; all of its shape. */
  readonly epilogue: readonly GraphNode[];
  /** Values to store: the node's outputs, or with an epilogue whatever of the chain is needed. */
  readonly outputs: readonly GraphValue[];
}

/** Emits a kernel op. */
export function emitKernelNest(group: KernelGroup, options: EmitOptions): Nest {
  const { node } = group;
  if (node.body.form !== "kernel") throw new BugError(`${node.name} is not a kernel op`);
  const e = new Emitter(group.name, options);
  const producers = new Map<number, GraphNode>();
  for (const n of group.prologue) for (const out of n.outputs) producers.set(out.id, n);
  const evaluator = new Evaluator(e, producers, undefined);
  // Kernels of complex tensors move or add them: they run once for each part.
  for (let part = 0; part < partsOf(node.outputs[0]!.dtype); part++) {
    const outs: Record<string, OutRef> = {};
    node.outputs.forEach((value, i) => {
      outs[node.outputNames[i]!] = outRef(group, e, value, part);
    });
    node.body.kernel(e, evaluator.refs(node, part), outs, e.attrs(node, attrType(node)));
  }
  return e.nest();
}

function outRef(group: KernelGroup, e: Emitter, value: GraphValue, part: number): OutRef {
  const write = group.epilogue.length === 0 ? plainWriter(e, value, part) : epilogueWriter(group, e, value);
  const position = new Evaluator(e, new Map(), undefined);
  return {
    dtype: value.dtype,
    type: computeOf(value.dtype),
    rank: value.shape.length,
    extent: (axis) => e.extent(value, [axis]),
    get size() {
      return e.size(value);
    },
    joined: joinedAxes(group, value),
    set: (index, x) => write(position.position(value, index), index, x),
    setFlat: (at, x) => write(at, undefined, x),
    getFlat: (at) => {
      if (group.epilogue.length > 0) throw new BugError(`${group.name} reads back what its epilogue changed`);
      return e.read(value, at, part);
    },
    get buf() {
      return group.epilogue.length === 0 && isPlain(value.dtype) ? e.touch(value, "write") : undefined;
    },
  };
}

/** How many trailing axes of a value every operand of its epilogue either has, too, or broadcasts. */
function joinedAxes(group: KernelGroup, value: GraphValue): number {
  const { shape } = value;
  const joins = (v: GraphValue, axes: number): boolean => {
    const own = Array.from({ length: axes }, (_, i) => v.shape.at(-1 - i) ?? 1);
    return own.every((n, i) => n === shape.at(-1 - i)) || own.every((n) => n === 1);
  };
  const operands = group.epilogue.flatMap((n) => n.operands).filter((o): o is GraphValue => typeof o === "object");
  let axes = 0;
  while (axes < shape.length && operands.every((v) => joins(v, axes + 1))) axes++;
  return axes;
}

type Writer = (position: Expr, index: readonly Expr[] | undefined, x: Expr) => void;

const plainWriter =
  (e: Emitter, value: GraphValue, part: number): Writer =>
  (position, _index, x) =>
    e.write(value, position, part, x);

/** Computes the chain on the element being stored, then stores what is needed of it. */
function epilogueWriter(group: KernelGroup, e: Emitter, value: GraphValue): Writer {
  const producers = new Map<number, GraphNode>();
  for (const n of group.epilogue) for (const out of n.outputs) producers.set(out.id, n);
  const chain = new Evaluator(e, producers, undefined);
  const one = (v: GraphValue): boolean => v.shape.every((n) => n === 1);
  const singles = group.epilogue
    .flatMap((n) => n.operands)
    .filter((o): o is GraphValue => typeof o === "object" && !producers.has(o.id) && o !== value && one(o));
  if (!one(value)) e.atBlockStart(() => chain.readAhead(new Set(singles)));
  return (position, index, x) => {
    chain.newScope();
    chain.known.set(`${value.id}:0`, chain.convert(x, value));
    const at = index ?? chain.unravel(value, position);
    // All values are computed before any is stored, since outputs may share memory with operands.
    const values = group.outputs.map((out) => e.let(chain.at(out, at)));
    group.outputs.forEach((out, i) => e.write(out, position, 0, values[i]!));
  };
}
