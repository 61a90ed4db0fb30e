// The walk back through the tape that computes gradients.

import { PreconditionNotMetError, UnimplementedError, InvalidArgumentError } from "../core/errors.js";
import { formatShape, sameShape } from "../core/shape.js";
import type { GradientHook, Value } from "../program/value.js";
import { namedOperands, operandName } from "./bind.js";
import { withGrad } from "./grad-mode.js";
import { publish, releaseScoped, scoped, unscoped } from "./handles.js";
import { densified, joinRows, rowsOf } from "./rows.js";
import { type Edge, type Saved, type TapeNode, edgeTo, restored } from "./tape-node.js";

/** Arithmetic the tape itself needs; `ops/` gives it where the package is put together. */
export interface TapeArithmetic {
  add(x: Value, y: Value): Value;
  /** Sums over broadcast axes down to the shape of `like`. */
  sumTo(x: Value, like: Value): Value;
  cast(x: Value, dtype: Value["dtype"]): Value;
  /** Zeros or ones of a value's shape and dtype. */
  full(like: Value, fill: number): Value;
}

let arithmetic: TapeArithmetic | undefined;

/** Installs the tape's arithmetic. */
export function setTapeArithmetic(a: TapeArithmetic): void {
  arithmetic = a;
}

/** How a backward walk behaves. */
export interface WalkOptions {
  /** Keep what the tape saved, so that it can be walked again. */
  readonly retainGraph: boolean;
  /** Record the walk itself, for gradients of gradients. */
  readonly createGraph: boolean;
  /** Values whose gradients are wanted; undefined: all leaves. */
  readonly inputs?: readonly Value[] | undefined;
  /** Values that no gradient flows through or into. */
  readonly stops?: readonly Value[] | undefined;
  /** The walk ends at `inputs`, as if they were leaves: what they were computed from is somebody else's. */
  readonly ends?: boolean | undefined;
}

/** Gradients by value. */
export type Gradients = Map<Value, Value>;

/**
 * Walks back from `roots`, whose gradients are `seeds` (ones by default), and gives the gradients of the wanted values.
 * Throws PreconditionNotMet when a graph was freed by an earlier walk or a saved tensor was changed in place since.
 */
export function walk(roots: readonly Value[], seeds: readonly (Value | undefined)[], options: WalkOptions): Gradients {
  const run = (): Gradients => withGrad(options.createGraph, () => new Walk(roots, seeds, options).run());
  return options.createGraph ? run() : scoped(run);
}

class Walk {
  private readonly pending = new Map<TapeNode, (Value | undefined)[]>();
  private readonly waiting = new Map<TapeNode, number>();
  private readonly leaves: Gradients = new Map();
  private readonly wantedOutputs = new Map<TapeNode, Map<number, Value[]>>();
  private wantedLeaves: Set<Value> | undefined;
  private readonly needed: Set<TapeNode> | undefined;
  /** Where the walk ends before the leaves. */
  private readonly ends: Map<TapeNode, Map<number, Value>> | undefined;
  private readonly stoppedLeaves = new Set<Value>();
  private readonly stoppedOutputs = new Map<TapeNode, Set<number>>();
  /** How many places of this walk hold a value. */
  private readonly holders = new Map<Value, number>();

  constructor(
    private readonly roots: readonly Value[],
    private readonly seeds: readonly (Value | undefined)[],
    private readonly options: WalkOptions,
  ) {
    for (const v of options.stops ?? []) this.stop(v);
    if (options.ends) this.ends = new Map();
    if (options.inputs) {
      this.wantedLeaves = new Set();
      for (const v of options.inputs) this.want(v);
    }
    const nodes = this.reach();
    if (!options.inputs) this.leaveOutUnused(nodes);
    if (this.wantedLeaves) this.needed = this.findNeeded(nodes);
  }

  /** Narrows the walk to what leads to leaves whose gradient is used, and to hooks, when some leaf's is not. */
  private leaveOutUnused(nodes: readonly TapeNode[]): void {
    const leaves = new Set<Value>(this.roots.filter((r) => !r.source));
    for (const node of nodes) for (const e of node.edges) if (e?.leaf) leaves.add(e.leaf);
    const used = [...leaves].filter((leaf) => leaf.hooks || !leaf.gradientUnused?.());
    if (used.length === leaves.size) return;
    this.wantedLeaves = new Set(used);
    for (const node of nodes)
      if (node.hooks.length > 0 || node.retainers.length > 0) this.wantedOutputs.set(node, new Map());
  }

  private stop(v: Value): void {
    const node = v.source as TapeNode | undefined;
    if (!node) this.stoppedLeaves.add(v);
    else this.stoppedOutputs.set(node, (this.stoppedOutputs.get(node) ?? new Set()).add(v.outputIndex));
  }

  /** The leaf that an edge leads to: a true one, or an input where the walk ends. */
  private leafOf(e: Edge): Value | undefined {
    return e.leaf ?? this.ends?.get(e.node!)?.get(e.index);
  }

  private isStopped(e: Edge): boolean {
    if (e.leaf) return this.stoppedLeaves.has(e.leaf);
    return this.stoppedOutputs.get(e.node!)?.has(e.index) ?? false;
  }

  private want(v: Value): void {
    const node = v.source as TapeNode | undefined;
    if (node && this.ends) {
      this.ends.set(node, (this.ends.get(node) ?? new Map<number, Value>()).set(v.outputIndex, v));
      this.wantedLeaves!.add(v);
      return;
    }
    if (!node) {
      this.wantedLeaves!.add(v);
      return;
    }
    let at = this.wantedOutputs.get(node);
    if (!at) {
      at = new Map();
      this.wantedOutputs.set(node, at);
    }
    const list = at.get(v.outputIndex);
    if (list) list.push(v);
    else at.set(v.outputIndex, [v]);
  }

  /**
   * All nodes behind the roots, operands' nodes before those that use them, and the number of edges that lead to each. Iterative, so
   * that depth has no limit.
   */
  private reach(): TapeNode[] {
    const order: TapeNode[] = [];
    const seen = new Set<TapeNode>();
    const stack: TapeNode[] = [];
    const next: number[] = [];
    const enter = (node: TapeNode): void => {
      if (seen.has(node)) return;
      seen.add(node);
      stack.push(node);
      next.push(0);
    };
    for (const root of this.roots) {
      const start = edgeTo(root);
      if (start.node && !this.leafOf(start)) enter(start.node);
      while (stack.length > 0) {
        const top = stack.length - 1;
        const node = stack[top]!;
        const i = next[top]!++;
        if (i === node.edges.length) {
          order.push(node);
          stack.pop();
          next.pop();
          continue;
        }
        const edge = node.edges[i];
        const child = edge?.node;
        if (!child || this.leafOf(edge)) continue;
        this.waiting.set(child, (this.waiting.get(child) ?? 0) + 1);
        enter(child);
      }
    }
    return order;
  }

  /** Nodes from which a wanted value can be reached. */
  private findNeeded(nodes: readonly TapeNode[]): Set<TapeNode> {
    const needed = new Set<TapeNode>();
    for (const node of nodes) {
      for (const e of node.edges) {
        if (!e || this.isStopped(e)) continue;
        const leaf = this.leafOf(e);
        const leads = leaf ? this.wantedLeaves!.has(leaf) : needed.has(e.node!) || this.wantedOutputs.has(e.node!);
        if (!leads) continue;
        needed.add(node);
        break;
      }
    }
    return needed;
  }

  run(): Gradients {
    const ready: TapeNode[] = [];
    for (const [i, root] of this.roots.entries()) this.seed(root, this.seeds[i]);
    const entered = this.roots.map(edgeTo).filter((e) => !this.leafOf(e));
    const starts = new Set(entered.flatMap((e) => (e.node ? [e.node] : [])));
    for (const node of starts) if ((this.waiting.get(node) ?? 0) === 0) ready.push(node);
    while (ready.length > 0) {
      const node = ready.pop()!;
      this.process(node);
      for (const edge of node.edges) {
        if (!edge?.node || this.leafOf(edge)) continue;
        const left = this.waiting.get(edge.node)! - 1;
        this.waiting.set(edge.node, left);
        if (left === 0) ready.push(edge.node);
      }
    }
    // Who asks for gradients of certain values gets tensors that may be used like any other.
    if (this.options.inputs)
      for (const [leaf, gradient] of this.leaves) this.leaves.set(leaf, this.replace(gradient, densified(gradient)));
    for (const gradient of this.leaves.values()) publish(gradient);
    return this.leaves;
  }

  private seed(root: Value, given: Value | undefined): void {
    if (root.stopGradient) {
      throw new InvalidArgumentError("the tensor has stopGradient = true, so nothing can flow back from it.", {
        op: "backward",
      });
    }
    if (given && !sameShape(given.shape, root.shape)) {
      throw new InvalidArgumentError(
        `the gradient is ${formatShape(given.shape)}, the tensor ${formatShape(root.shape)}.`,
        { op: "backward" },
      );
    }
    this.send(edgeTo(root), given ?? arithmetic!.full(root, 1));
  }

  private process(node: TapeNode): void {
    const gradients = this.pending.get(node) ?? [];
    this.pending.delete(node);
    this.applyHooks(node, gradients);
    this.keepWanted(node, gradients);
    if (gradients.some((g) => g !== undefined) && (!this.needed || this.needed.has(node)))
      this.reverse(node, gradients);
    if (!this.options.retainGraph) node.saved = undefined;
    for (const g of gradients) if (g) this.drop(g);
    releaseScoped((v) => !this.holders.has(v));
  }

  private applyHooks(node: TapeNode, gradients: (Value | undefined)[]): void {
    node.hooks.forEach((hooks, i) => {
      const g = gradients[i];
      if (g && hooks) gradients[i] = this.replace(g, runHooks(hooks, g));
    });
    node.retainers.forEach((ref, i) => {
      const v = ref?.deref();
      const g = gradients[i];
      if (v && g) {
        publish(g);
        v.gradient = v.gradient ? arithmetic!.add(v.gradient, g) : g;
        publish(v.gradient);
      }
    });
  }

  private replace(old: Value, by: Value): Value {
    if (by !== old) {
      this.drop(old);
      this.hold(by);
    }
    return by;
  }

  private keepWanted(node: TapeNode, gradients: readonly (Value | undefined)[]): void {
    for (const [i, values] of this.wantedOutputs.get(node) ?? []) {
      const g = gradients[i];
      if (!g) continue;
      for (const v of values) {
        this.leaves.set(v, g);
        this.hold(g);
      }
    }
  }

  /** Runs the rule of a node and sends what it gives along the edges. */
  private reverse(node: TapeNode, gradients: readonly (Value | undefined)[]): void {
    if (node.custom) {
      const inputs = unscoped(() => node.custom!(gradients.map((g) => g && publish(g))));
      node.edges.forEach((edge, i) => {
        const g = inputs[i];
        if (edge && g) this.send(edge, this.fit(g, node.operandMeta[i] as Value));
      });
      return;
    }
    const record = node.record!;
    if (typeof record.grad !== "function") {
      throw new UnimplementedError("gradients of this gradient are not implemented.", {
        op: record.name,
        hint: "leave createGraph out, or write the function in elementary ops (exp, log, sum …), which have gradients of every order.",
      });
    }
    const context = { attrs: node.attrs, meta: this.metaOf(node) };
    const thunks = record.grad(this.savedOf(node), outputGradients(node, gradients), context);
    const lists = new Map<string, readonly (Value | null)[]>();
    node.edges.forEach((edge, i) => {
      if (!edge || !this.leadsOn(edge)) return;
      const { name, list } = operandName(record.inputs, i);
      const thunk = thunks[name];
      if (!thunk) return;
      let g: Value | null | undefined;
      if (list) {
        if (!lists.has(name)) lists.set(name, thunk() as readonly (Value | null)[]);
        g = lists.get(name)![i - (record.inputs.length - 1)];
      } else g = thunk() as Value | null;
      if (g) this.send(edge, this.fit(g, node.operandMeta[i] as Value));
    });
  }

  private leadsOn(edge: Edge): boolean {
    if (this.isStopped(edge)) return false;
    if (!this.needed) return true;
    const leaf = this.leafOf(edge);
    if (leaf) return this.wantedLeaves!.has(leaf);
    return this.needed.has(edge.node!) || this.wantedOutputs.has(edge.node!);
  }

  private metaOf(node: TapeNode): Record<string, unknown> {
    const meta: Record<string, unknown> = namedOperands(node.record!.inputs, node.operandMeta);
    node.record!.outputs.forEach((name, i) => {
      meta[name] = node.outputMeta[i];
    });
    return meta;
  }

  private savedOf(node: TapeNode): Record<string, unknown> {
    if (!node.saved) {
      throw new PreconditionNotMetError("the graph was freed by an earlier backward.", {
        op: node.name,
        hint: "call backward({ retainGraph: true }) the first time.",
      });
    }
    const out: Record<string, unknown> = {};
    for (const name in node.saved) {
      const s = node.saved[name]!;
      out[name] = Array.isArray(s) ? s.map((x: Saved) => restored(node, name, x)) : restored(node, name, s as Saved);
    }
    return out;
  }

  /** Undoes broadcasting and casts. */
  private fit(g: Value, operand: Value): Value {
    if (rowsOf(g) && g.dtype === operand.dtype) return g;
    const shaped = sameShape(g.shape, operand.shape) ? g : arithmetic!.sumTo(g, operand);
    return shaped.dtype === operand.dtype ? shaped : arithmetic!.cast(shaped, operand.dtype);
  }

  private send(edge: Edge, g: Value): void {
    if (this.isStopped(edge)) return;
    const leaf = this.leafOf(edge);
    if (leaf) {
      this.sendToLeaf(leaf, g);
      return;
    }
    let slots = this.pending.get(edge.node!);
    if (!slots) {
      slots = [];
      this.pending.set(edge.node!, slots);
    }
    slots[edge.index] = this.combine(slots[edge.index], densified(g));
  }

  private sendToLeaf(leaf: Value, g: Value): void {
    if (this.wantedLeaves && !this.wantedLeaves.has(leaf)) return;
    this.leaves.set(leaf, this.combine(this.leaves.get(leaf), g));
  }

  private combine(old: Value | undefined, g: Value): Value {
    const sum = old ? (joinRows(old, g) ?? arithmetic!.add(old, g)) : g;
    this.hold(sum);
    if (old) this.drop(old);
    return sum;
  }

  private hold(v: Value): void {
    this.holders.set(v, (this.holders.get(v) ?? 0) + 1);
    if (v.rows) for (const part of [v.rows.ids, v.rows.values]) this.hold(part);
  }

  private drop(v: Value): void {
    const n = this.holders.get(v) ?? 0;
    if (n <= 1) this.holders.delete(v);
    else this.holders.set(v, n - 1);
    if (v.rows) for (const part of [v.rows.ids, v.rows.values]) this.drop(part);
  }
}

/** Runs hooks on a gradient as user code: what they see and make lives on as any tensor does. */
export function runHooks(hooks: readonly GradientHook[], gradient: Value): Value {
  let g = publish(gradient);
  unscoped(() => {
    for (const hook of hooks) g = hook(g) ?? g;
  });
  return g;
}

/** Gradients of a node's outputs by name; zeros are made only when a rule asks for one that nothing flowed into. */
function outputGradients(node: TapeNode, gradients: readonly (Value | undefined)[]): Record<string, Value> {
  const d: Record<string, Value> = {};
  node.record!.outputs.forEach((name, i) => {
    const g = gradients[i];
    if (g) d[name] = g;
    else Object.defineProperty(d, name, { get: () => arithmetic!.full(node.outputMeta[i]!, 0), enumerable: true });
  });
  return d;
}
